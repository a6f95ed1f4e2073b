import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.db import Outage, array_literal, make_engine, outage_reason
from local.ports import free_port


def trouble(engine: Engine, statement: str) -> Outage | None:
    with pytest.raises(SQLAlchemyError) as caught, engine.begin() as connection:
        connection.execute(text(statement))
    return outage_reason(caught.value)


def test_a_server_that_is_not_there_does_not_answer() -> None:
    url = f"postgresql+psycopg2://nobody:secret@127.0.0.1:{free_port()}/nothing"

    assert trouble(make_engine(url, process="test"), "SELECT 1") is Outage.UNREACHABLE


def test_a_session_that_the_server_ended_does_not_answer(engine: Engine) -> None:
    statement = "SELECT pg_terminate_backend(pg_backend_pid())"

    assert trouble(engine, statement) is Outage.UNREACHABLE


def test_a_statement_that_takes_too_long_says_that_the_server_is_busy(database_url: str) -> None:
    engine = make_engine(database_url, process="test", statement_timeout=0.05)

    assert trouble(engine, "SELECT pg_sleep(10)") is Outage.BUSY
    engine.dispose()


def test_a_pool_without_a_free_connection_is_busy() -> None:
    assert outage_reason(PoolTimeoutError()) is Outage.BUSY


def test_a_table_that_is_missing_says_that_the_schema_is_another_release_s(engine: Engine) -> None:
    assert trouble(engine, "SELECT * FROM no_such_table") is Outage.NOT_MIGRATED


def test_a_mistake_of_ours_is_no_trouble_of_the_database(engine: Engine) -> None:
    assert trouble(engine, "SELECT 1 / 0") is None


def test_a_server_that_became_read_only_is_left_for_the_one_that_took_over(engine: Engine) -> None:
    with engine.begin() as connection:
        session = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        # As on a primary that was demoted while we were connected.
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))

    assert trouble(engine, "CREATE TABLE new (id int)") is Outage.READ_ONLY
    with engine.begin() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != session
        connection.execute(text("CREATE TABLE new (id int)"))


def test_an_error_of_the_driver_alone_is_told_from_one_of_the_database() -> None:
    assert outage_reason(DBAPIError("SELECT", {}, ValueError())) is None


@pytest.mark.parametrize("numbers", [[], [7], [3, -1, 2**62, 0]])
def test_postgres_reads_the_numbers_of_an_array(engine: Engine, numbers: list[int]) -> None:
    with engine.begin() as connection:
        read = connection.execute(
            text("SELECT CAST(:numbers AS bigint[])"), {"numbers": array_literal(numbers)}
        ).scalar_one()

    assert read == numbers
