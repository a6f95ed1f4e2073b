from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, text

from tests.waiting import wait_until
from worker.renewal import renewed

LEASE = 0.03
"""Seconds; a renewal each hundredth of a second."""


class Renewals:
    """Counts the renewals, each in its transaction."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        self.count += 1

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Check that none begins within the block, after one that was under way."""
        before = self.count
        yield
        assert self.count <= before + 1


def test_a_lease_is_renewed_until_the_block_ends(engine: Engine) -> None:
    renewals = Renewals()

    with renewed(engine, renewals, lease=LEASE):
        wait_until(lambda: renewals.count >= 3)

    others = Renewals()
    with renewals.stopped(), renewed(engine, others, lease=LEASE):
        # As much time as three renewals take.
        wait_until(lambda: others.count >= 3)


def test_a_renewal_that_fails_is_followed_by_another(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    def renew(connection: Connection) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            connection.execute(text("SELECT 1 / 0"))

    with renewed(engine, renew, lease=LEASE):
        wait_until(lambda: calls >= 4)

    warnings = [each.getMessage() for each in caplog.records if each.name == "worker.renewal"]
    assert warnings == ["could not renew a lease: division by zero"] * 2


def test_an_error_in_the_block_ends_the_renewals(engine: Engine) -> None:
    renewals = Renewals()

    with pytest.raises(RuntimeError, match="of the task"), renewed(engine, renewals, lease=LEASE):
        raise RuntimeError("of the task")

    others = Renewals()
    with renewals.stopped(), renewed(engine, others, lease=LEASE):
        wait_until(lambda: others.count >= 3)
