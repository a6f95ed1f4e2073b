"""A database on which the product could not work is refused in one line that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from common.db import Outage, make_engine, outage_reason
from common.errors import SetupError
from tests.servers import Servers, migrate

ROLE, PASSWORD = "limited", "throw-away"


@pytest.fixture
def admin(servers: Servers) -> Iterator[Connection]:
    engine = create_engine(servers.postgres_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def role(admin: Connection) -> Iterator[str]:
    """A role that owns nothing."""
    admin.execute(text(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'"))
    yield ROLE
    admin.execute(text(f"DROP ROLE {ROLE}"))


@contextmanager
def database(admin: Connection, options: str = "") -> Iterator[str]:
    """Make an empty database; yield its address."""
    admin.execute(text(f"CREATE DATABASE refused TEMPLATE template0 {options}"))
    try:
        yield admin.engine.url.set(database="refused").render_as_string(hide_password=False)
    finally:
        admin.execute(text("DROP DATABASE refused WITH (FORCE)"))


def as_role(url: str) -> str:
    url_of_role = make_url(url).set(username=ROLE, password=PASSWORD)
    return url_of_role.render_as_string(hide_password=False)


def execute(url: str, statements: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text(statements))


def refusal(url: str) -> str:
    with pytest.raises(SetupError) as raised:
        migrate(url)
    message = str(raised.value)
    assert "\n" not in message
    assert PASSWORD not in message
    return message


def test_an_older_postgres_is_refused(admin: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    # No older server is at hand: the bound moves instead.
    monkeypatch.setattr("common.db.OLDEST_POSTGRES", 99)
    with database(admin) as url:
        message = refusal(url)

    assert message.startswith("this is Postgres 1")
    assert "Repopulse needs 99 or newer" in message


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_is_not_utf_8_is_refused(admin: Connection, encoding: str) -> None:
    with database(admin, f"ENCODING '{encoding}' LOCALE 'C'") as url:
        message = refusal(url)

    assert message.startswith(f"the database has the encoding {encoding}, Repopulse needs UTF8")


def test_a_role_that_may_not_create_tables_is_told_what_to_grant(
    admin: Connection, role: str
) -> None:
    with database(admin) as url:
        assert f"GRANT CREATE ON SCHEMA public TO {role}" in refusal(as_role(url))
        execute(url, f"GRANT CREATE ON SCHEMA public TO {role}")
        migrate(as_role(url))
        execute(url, f"DROP OWNED BY {role}")


def test_a_role_that_does_not_own_the_tables_is_told_so(admin: Connection, role: str) -> None:
    with database(admin) as url:
        migrate(url, "0001")
        assert f"the role {role} must own Repopulse's tables" in refusal(as_role(url))


def test_a_role_without_connections_left_is_told_so_here_and_later(
    admin: Connection, role: str
) -> None:
    admin.execute(text(f"ALTER ROLE {role} CONNECTION LIMIT 0"))
    with database(admin) as url:
        message = refusal(as_role(url))
        engine = make_engine(as_role(url), process="test")
        with pytest.raises(Exception, match="too many connections") as raised:
            engine.connect()

    assert message.startswith("the database or its role allows no more connections")
    assert outage_reason(raised.value) is Outage.FULL  # type: ignore[arg-type]


def test_the_version_table_of_another_program_is_left_alone(admin: Connection) -> None:
    with database(admin) as url:
        execute(
            url,
            "CREATE TABLE alembic_version (version_num text);"
            " INSERT INTO alembic_version VALUES ('27c6a30d7c24')",
        )
        message = refusal(url)

    assert "27c6a30d7c24" in message
    assert "give Repopulse a database of its own" in message


def test_tables_of_another_program_are_left_alone(admin: Connection) -> None:
    with database(admin) as url:
        execute(url, "CREATE TABLE users (email text)")

        assert "holds tables of another program" in refusal(url)

        execute(url, "SELECT email FROM users")
