import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.db import Outage, array_literal, make_engine, outage_reason, read_url
from common.errors import SetupError
from local.ports import free_port


def trouble(engine: Engine, statement: str) -> Outage | None:
    with pytest.raises(SQLAlchemyError) as caught, engine.begin() as connection:
        connection.execute(text(statement))
    return outage_reason(caught.value)


def test_refused_connection_is_unreachable() -> None:
    url = f"postgresql+psycopg2://nobody:secret@127.0.0.1:{free_port()}/nothing"

    assert trouble(make_engine(url, process="test"), "SELECT 1") is Outage.UNREACHABLE


def test_terminated_session_is_unreachable(engine: Engine) -> None:
    statement = "SELECT pg_terminate_backend(pg_backend_pid())"

    assert trouble(engine, statement) is Outage.UNREACHABLE


def test_statement_timeout_is_busy(database_url: str) -> None:
    engine = make_engine(database_url, process="test", statement_timeout=0.05)

    assert trouble(engine, "SELECT pg_sleep(10)") is Outage.BUSY
    engine.dispose()


def test_parameters_hold_from_the_first_statement_of_each_transaction(engine: Engine) -> None:
    statement = text(
        "SELECT current_setting('TimeZone'), current_setting('statement_timeout'),"
        " current_setting('lock_timeout'), :one"
    )
    for level in ("READ COMMITTED", "REPEATABLE READ"):
        with engine.execution_options(isolation_level=level).connect() as connection:
            for _ in range(2):
                with connection.begin():
                    for _ in range(2):
                        row = connection.execute(statement, {"one": 1}).one()
                        assert tuple(row) == ("UTC", "30s", "5s", 1)


def test_parameters_do_not_outlast_their_transaction(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # In a block of statements Postgres would refuse it.
        connection.execute(text("VACUUM users"))
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"


def test_a_transaction_sends_no_statement_but_its_own(engine: Engine) -> None:
    sent: list[str] = []
    event.listen(engine, "after_cursor_execute", lambda *each: sent.append(each[2]))

    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
        connection.execute(text("SELECT 2"))

    assert [statement.rpartition("; ")[2] for statement in sent] == ["SELECT 1", "SELECT 2"]


def test_many_rows_can_be_the_first_statement(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO fan_outs VALUES (:day, now(), 0, 0)"),
            [{"day": "2026-01-01"}, {"day": "2026-01-02"}],
        )
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM fan_outs")).scalar_one() == 2


def test_a_connection_in_the_pool_has_the_default_isolation(engine: Engine) -> None:
    """Otherwise psycopg2 takes a round trip at its next use."""
    with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        shown = connection.execute(text("SHOW transaction_isolation")).scalar_one()
        driver = connection.connection.driver_connection
    assert driver is not None

    assert shown == "repeatable read"
    assert driver.isolation_level is None
    with engine.connect() as connection:
        assert connection.connection.driver_connection is driver
        shown = connection.execute(text("SHOW transaction_isolation")).scalar_one()
    assert shown == "read committed"


def test_exhausted_pool_is_busy() -> None:
    assert outage_reason(PoolTimeoutError()) is Outage.BUSY


def test_missing_table_is_not_migrated(engine: Engine) -> None:
    assert trouble(engine, "SELECT * FROM no_such_table") is Outage.NOT_MIGRATED


def test_wrong_statement_is_no_outage(engine: Engine) -> None:
    assert trouble(engine, "SELECT 1 / 0") is None


def test_connection_to_a_read_only_server_is_dropped(engine: Engine) -> None:
    with engine.begin() as connection:
        session = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        # As after a failover that demoted the server of an open connection.
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))

    assert trouble(engine, "CREATE TABLE new (id int)") is Outage.READ_ONLY
    with engine.begin() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != session
        connection.execute(text("CREATE TABLE new (id int)"))


def test_error_of_the_driver_alone_is_no_outage() -> None:
    assert outage_reason(DBAPIError("SELECT", {}, ValueError())) is None


@pytest.mark.parametrize("numbers", [[], [7], [3, -1, 2**62, 0]])
def test_postgres_reads_an_array_literal(engine: Engine, numbers: list[int]) -> None:
    with engine.begin() as connection:
        read = connection.execute(
            text("SELECT CAST(:numbers AS bigint[])"), {"numbers": array_literal(numbers)}
        ).scalar_one()

    assert read == numbers


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("one:1,two:2", "one,two", "1,2"),
        ("one,two", "one,two", "5432,5432"),
        # As libpq has it, a port belongs to its own host.
        ("one,two:2", "one,two", "5432,2"),
        ("[::1]:1,[::2]", "::1,::2", "1,5432"),
    ],
)
def test_several_hosts_of_an_address_reach_libpq(hosts: str, host: str, port: str) -> None:
    url = read_url(f"postgresql+psycopg2://me:p%40,ss@{hosts}/name?target_session_attrs=primary")

    _, arguments = psycopg2.dialect().create_connect_args(url)  # type: ignore[no-untyped-call]
    assert arguments == {
        "user": "me",
        "password": "p@,ss",
        "dbname": "name",
        "host": host,
        "port": port,
        "target_session_attrs": "primary",
    }


@pytest.mark.parametrize("hosts", ["one,two:port", "one,[::1", "one:1:2,two"])
def test_several_hosts_that_cannot_be_read_are_one_line(hosts: str) -> None:
    with pytest.raises(SetupError, match="DATABASE_URL: invalid URL") as refused:
        read_url(f"postgresql+psycopg2://me:s3cret@{hosts}/name")
    assert "s3cret" not in str(refused.value)


def test_comma_in_a_password_is_no_second_host() -> None:
    assert read_url("postgresql+psycopg2://me:a,b@one:1/name").host == "one"
