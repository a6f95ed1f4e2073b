"""The GitHub that a database remembers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine

from common.installation import claim_github, describe_other, read
from tests.waiting import wait_until


def test_id_of_an_installation_stays(connection: Connection) -> None:
    assert read(connection).id == read(connection).id


def test_new_database_records_no_github_until_one_is_claimed(engine: Engine) -> None:
    with engine.begin() as connection:
        assert read(connection).github is None
        assert claim_github(connection, "github.com") == "github.com"
        assert claim_github(connection, "github.example.com") == "github.com"
    with engine.begin() as connection:
        assert read(connection).github == "github.com"


@pytest.mark.parametrize(("end", "recorded"), [("commit", "first"), ("rollback", "second")])
def test_claim_waits_for_the_end_of_another(engine: Engine, end: str, recorded: str) -> None:
    def claim() -> str | None:
        with engine.begin() as connection:
            return claim_github(connection, "second")

    def is_waiting() -> bool:
        with engine.connect() as connection:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            return bool(connection.exec_driver_sql(query).scalar_one())

    with ThreadPoolExecutor(1) as pool, engine.connect() as first:
        transaction = first.begin()
        claim_github(first, "first")
        second = pool.submit(claim)
        wait_until(is_waiting)
        getattr(transaction, end)()

        assert second.result(10) == recorded


def test_other_github_is_described_by_both_names() -> None:
    assert describe_other(None, "github.com") is None
    assert describe_other("github.com", "github.com") is None
    assert describe_other("github.com", "github.example.com") == (
        "this database records github.com, and GITHUB_API_URL is an address of github.example.com"
    )
