"""A token that an answer repeats is removed: reasons are stored, shown and logged."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from common.errors import SetupError
from tests.worker.github.lab import Lab
from worker.github.errors import GitHubError
from worker.github.graphql import FIND_ACCOUNT
from worker.github.meaning import Answer

TOKEN = "marked.token/of+no~usual=form"


@pytest.fixture
def marked(redis_url: str) -> Any:
    """A lab with a token of an unusual form."""
    lab = Lab(redis_url, token=TOKEN)
    yield lab
    lab.close()


@pytest.mark.parametrize("status", [200, 401, 403, 404, 422, 451, 500])
def test_an_answer_that_repeats_the_token_is_read_without_it(marked: Lab, status: int) -> None:
    long = f"{'x' * 190} {TOKEN}"
    content = {
        "message": f"no: {TOKEN}; {long}",
        "block": {"reason": TOKEN},
        "errors": [{"type": TOKEN, "message": TOKEN}],
        "data": {"repositoryOwner": {"name": TOKEN}},
    }
    headers = {"location": f"/{TOKEN}", "link": f'</{TOKEN}>; rel="next"', "retry-after": TOKEN}
    transport = marked.transport(lambda _: httpx.Response(status, headers=headers, json=content))

    results = []
    asks: list[Callable[[], Answer]] = [
        lambda: transport.get("/user/1"),
        lambda: transport.query(FIND_ACCOUNT, {"login": "x"}),
    ]
    for ask in asks:
        try:
            results.append(repr(ask()))
        except GitHubError as error:
            results.append(repr(error))

    assert "marked" not in "".join(results)
    assert "***" in "".join(results) or status == 401


@pytest.mark.parametrize("character", [" ", "\n", "\t", "\x00", "é", "\u2028"])
def test_a_token_that_no_header_can_carry_is_refused_without_repeating_it(
    marked: Lab, character: str
) -> None:
    settings = marked.settings.model_copy(
        update={"github_token": SecretStr(f"marked{character}token")}
    )

    with pytest.raises(SetupError) as refusal:
        marked.github(settings=settings)

    assert "GITHUB_TOKEN" in str(refusal.value)
    assert "marked" not in str(refusal.value)


def test_a_header_that_cannot_be_sent_is_not_repeated(marked: Lab) -> None:
    def complain(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value b'Bearer {TOKEN}'")

    answer = marked.transport(complain).get("/user/1")

    assert answer.reason == "the request to GitHub cannot be sent: a header is not valid"
    assert TOKEN not in repr(answer)
