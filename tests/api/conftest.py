"""The application on real servers, and a replacement for a worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api.app import create_app
from api.http.limits import MAX_REQUESTS
from api.status import part
from api.status.part import TIMEOUT
from common.settings import Settings
from tests.api.fake_worker import FakeWorker

MakeClient = Callable[..., TestClient]


@pytest.fixture
def make_client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeClient]:
    """Start the application with some settings changed, or with other limits.

    On a busy machine a server may take seconds to answer, so the status waits longer for its parts
    than it does for people.
    """
    monkeypatch.setattr(part, "TIMEOUT", 20)
    with ExitStack() as stack:

        def make(
            *, max_requests: int = MAX_REQUESTS, deadline: float | None = None, **changes: object
        ) -> TestClient:
            app = create_app(
                settings.model_copy(update=changes), max_requests=max_requests, deadline=deadline
            )
            return stack.enter_context(TestClient(app))

        yield make


@pytest.fixture
def usual_timeout(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the status wait for its parts as long as it does for people."""
    del make_client
    monkeypatch.setattr(part, "TIMEOUT", TIMEOUT)


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    """The application with the default settings."""
    return make_client()


@pytest.fixture
def worker(engine: Engine) -> Iterator[FakeWorker]:
    """Resolves lookups as a worker does."""
    with FakeWorker(engine) as running:
        yield running
