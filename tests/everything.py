"""A database that has every kind of row that an export has, written as the product writes it."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from common import clock, installation, names, repositories, users
from common.repositories import SeenRepository
from common.states import ScanState
from common.users import TrackedUser
from tests import factories

GITHUB = "github.com"

ADA = TrackedUser(11, "ada", 'Ada, the "first" 😀\\n\n=1+1')
BOB = TrackedUser(12, "bob", "Bob")
GONE = TrackedUser(13, "gone", "Gone")

TOOL, KIT, OLD = 701, 702, 703
"""Ada's; one that moved from Ada to Bob; one of the vanished user's."""

FIRST_DAY = date(2023, 12, 30)
"""A month without a partition of its own."""


def fill(engine: Engine) -> None:
    """Store observed rows, gaps, a vanished user, a transfer, former names, history, imports."""
    with engine.begin() as connection:
        _add_observed(connection)
    with engine.begin() as connection:
        _add_history(connection)
        _add_imports(connection)
        _add_marks(connection)


def _add_observed(connection: Connection) -> None:
    today = clock.today(connection)
    installation.claim_github(connection, GITHUB)
    for user in (ADA, BOB, GONE):
        users.add(connection, user, node_id=f"U_{user.id}", lease=100)
    tool, kit = factories.make_repository(TOOL, "tool"), factories.make_repository(KIT, "kit")
    old = factories.make_repository(OLD, "old", is_fork=True, is_archived=True)
    _scan(connection, ADA, FIRST_DAY, [tool, kit], login="lovelace")
    _scan(connection, GONE, FIRST_DAY, [old], login="gone")
    # The next day is a gap, with a reason.
    factories.add_scan(
        connection, ADA, FIRST_DAY + timedelta(1), ScanState.INCOMPLETE, reason="GitHub: 502"
    )
    # Renamed, with a description; and one moved to Bob.
    renamed = SeenRepository(
        TOOL, "Tool-2", None, False, False, tool.counts, 'a\t"tool"\\ \x7f', "C++"
    )
    _scan(connection, ADA, FIRST_DAY + timedelta(3), [renamed], login="ada")
    _scan(connection, BOB, FIRST_DAY + timedelta(3), [kit], login="bob")
    factories.add_history(connection, BOB, kit, until=today, stargazers=[5, 0, 2**31 - 1])
    repositories.mark_missing(connection, ADA.id, today, [TOOL], confirmed=False)
    for day in (today - timedelta(1), today):
        users.mark_missing(connection, GONE.id, day)
    factories.add_scan(connection, GONE, today, ScanState.GONE, reason="no such account")
    factories.add_scan(connection, BOB, today, ScanState.CLAIMED)
    connection.execute(
        text("INSERT INTO fan_outs VALUES (:day, :at, 3, 1)"),
        {"day": today, "at": datetime(2026, 1, 2, 3, 4, 5, 678, UTC)},
    )
    # What an export leaves out.
    connection.execute(text("INSERT INTO lookups (login) VALUES ('waits')"))


def _scan(
    connection: Connection,
    user: TrackedUser,
    day: date,
    seen: list[SeenRepository],
    *,
    login: str,
) -> None:
    names.save(connection, user.id, day, login, seen)
    repositories.save(connection, user.id, day, seen)
    for repository in seen:
        assert repository.counts is not None
        factories.add_rows(connection, user, repository, {day: repository.counts})
    factories.add_scan(connection, user, day, expected=len(seen), recorded=len(seen))


def _add_history(connection: Connection) -> None:
    connection.execute(
        text("""
            INSERT INTO star_gains (repo_id, day, gained_first, gained_last, read_at)
            VALUES (701, '2020-03-08', 3, 2, '2026-09-05 01:02:03.000004+02'),
                   (701, '2020-11-01', 1, 1, '2026-09-05 01:02:03+00'),
                   (702, '2019-01-01', 0, 7, '2026-09-06 00:00:00+00')
        """)
    )
    connection.execute(
        text("""
            INSERT INTO backfills (repo_id, state, reason, next_page, read_through,
                                   reading_through, etag, read_at, stargazers, lease_until)
            VALUES (701, 'done', NULL, 1, '2026-09-04', NULL, '"abc"', now(), 42, now()),
                   (702, 'failed', 'GitHub: 403', 3, NULL, '2026-09-04', NULL, NULL, NULL, now()),
                   (703, 'pending', NULL, 2, NULL, NULL, NULL, NULL, NULL, DEFAULT)
        """)
    )


def _add_imports(connection: Connection) -> None:
    connection.execute(
        text("""
            INSERT INTO imports (name, format, state, reason, report, applied_at)
            VALUES ('thrown away', 'csv', 'refused', 'no header', NULL, NULL),
                   ('ghstats', 'ghstats', 'applied', NULL,
                    '{"rows": 2, "ö": [1.5, null, "\\u00fc\\\\"]}', now()),
                   ('sheet "2"', 'csv', 'applied', NULL, '{}', now()),
                   ('not yet', 'csv', 'reported', NULL, '{"rows": 1}', NULL)
        """)
    )
    connection.execute(
        text("""
            INSERT INTO imported_stats (repo_id, date, import_id, stargazers, forks, watchers)
            SELECT r.id, day, i.id, 5, NULL, 0
            FROM imports i, repositories r, unnest(ARRAY['2018-02-03', '2018-02-04']::date[]) day
            WHERE i.name <> 'thrown away' AND r.id IN (701, 702)
        """)
    )


def _add_marks(connection: Connection) -> None:
    connection.execute(
        text("""
            INSERT INTO notes (repo_id, date, text)
            VALUES (701, '2024-01-02', 'On <b>Hacker News</b>, "today" \\t ü 😀'),
                   (702, '1970-01-01', '=1+1')
        """)
    )
    connection.execute(
        text("""
            INSERT INTO releases (repo_id, id, tag, title, published_at, is_prerelease)
            VALUES (701, 5, 'v1.0', NULL, '2024-01-01T23:30:00.5-01:00', false),
                   (701, 6, 'v1.1-rc1', 'A "title"', '2024-02-01', true)
        """)
    )
    connection.execute(text("INSERT INTO release_readings (repo_id, read_on) VALUES (701, now())"))
