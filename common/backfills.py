"""Which star histories are to be read: the rows of ``backfills`` are queue and truth.

The task that makes a reading stores it by ``common.readings``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from common import claims
from common.credentials import choose_credential
from common.db import array_literal
from common.readings import LISTED_TODAY
from common.settings import BackfillMode, Settings

_LAST_ID = 2**63 - 1


def why_off(settings: Settings) -> str | None:
    """Return why no histories are read, in words; None if they are."""
    if settings.backfill is BackfillMode.OFF:
        return "BACKFILL is off"
    if choose_credential(settings) is None:
        return "it needs a GITHUB_TOKEN: without one GitHub allows 60 requests an hour"
    return None


def add(connection: Connection, repo_ids: Iterable[int]) -> int:
    """Have the history of repositories read that were never read; return how many are new."""
    return connection.execute(
        text(
            """
            INSERT INTO backfills (repo_id)
            SELECT id FROM repositories WHERE id = ANY(CAST(:ids AS bigint[]))
            -- One that is being deleted would break the foreign key.
            ORDER BY id FOR KEY SHARE SKIP LOCKED
            ON CONFLICT (repo_id) DO NOTHING
            """
        ),
        {"ids": array_literal(repo_ids)},
    ).rowcount


_ADD_NEW = text(f"""
    INSERT INTO backfills (repo_id)
    SELECT r.id FROM repositories r
    JOIN daily_stats d ON d.repo_id = r.id AND d.date = r.listed_on
    WHERE r.id > :after AND r.id <= :upto AND {LISTED_TODAY} AND d.stargazers > 0
      AND NOT EXISTS (SELECT FROM backfills b WHERE b.repo_id = r.id)
    ORDER BY r.id FOR KEY SHARE OF r SKIP LOCKED
    ON CONFLICT (repo_id) DO NOTHING
""")  # noqa: S608 - a condition of this module

_READ_AGAIN = text(f"""
    WITH due AS (
        SELECT b.repo_id FROM backfills b
        JOIN repositories r ON r.id = b.repo_id
        JOIN daily_stats d ON d.repo_id = r.id AND d.date = r.listed_on
        WHERE r.id > :after AND r.id <= :upto AND {LISTED_TODAY}
          AND CASE WHEN b.state = 'done' THEN
                  (b.read_through IS NULL OR b.read_through < :last_day)
                  AND (d.stargazers IS DISTINCT FROM b.stargazers OR (
                      SELECT count(*) FROM daily_stats past
                      WHERE past.repo_id = r.id AND past.date < d.date AND past.date >= d.date - 7
                        AND past.date > b.read_through
                  ) < d.date - 1 - greatest(d.date - 8, b.read_through, r.first_seen_on - 1))
              ELSE b.state IN ('none', 'failed')
                  AND NOT {claims.waits("b", most="8 days")} END
        FOR NO KEY UPDATE OF b SKIP LOCKED
    )
    UPDATE backfills b
    SET state = 'pending', is_whole = (b.state <> 'done'),
        next_page = CASE WHEN b.state = 'done' THEN 1 ELSE b.next_page END,
        requested_at = repopulse_now(), not_before = '-infinity', lease_until = '-infinity',
        attempts = 0
    FROM due WHERE due.repo_id = b.repo_id
""")  # noqa: S608 - a condition of this module


@dataclass(frozen=True, slots=True)
class Due:
    """What was found among some repositories.

    :param new: histories that were never read
    :param again: histories that are to be read again
    :param upto: the last repository that was looked at; None if there are no more
    """

    new: int
    again: int
    upto: int | None


def add_due(connection: Connection, last_day: date, *, after: int, limit: int) -> Due:
    """Have histories read that are new, and those again of which something new is to be expected.

    Read again are: a repository whose count is another than at its last reading, or of which we
    missed a day since; both if another day has ended since. And what GitHub refused a week ago.

    :param last_day: the last day that has ended in Los Angeles
    :param after: look at repositories with a greater id
    :param limit: how many repositories to look at; 10,000 take some tenths of a second
    """
    upto: int | None = connection.execute(
        text("SELECT id FROM repositories WHERE id > :after ORDER BY id OFFSET :skip LIMIT 1"),
        {"after": after, "skip": limit - 1},
    ).scalar_one_or_none()
    span = {"after": after, "upto": _LAST_ID if upto is None else upto}
    new = connection.execute(_ADD_NEW, span).rowcount
    again = connection.execute(_READ_AGAIN, {"last_day": last_day, **span}).rowcount
    return Due(new, again, upto)


_REQUEST = """
    SET state = 'pending', is_whole = true, next_page = 1, reading_from = NULL,
        reading_through = NULL, reason = NULL, requested_at = repopulse_now(),
        lease_until = '-infinity', not_before = '-infinity', attempts = 0
    -- One that is being read whole already goes on, and GitHub's waits hold for it.
    WHERE NOT (b.state = 'pending' AND b.is_whole)
"""

_REQUEST_USER = text(f"""
    INSERT INTO backfills AS b (repo_id)
    SELECT id FROM repositories WHERE user_id = :id AND state <> 'gone'
      AND EXISTS (SELECT FROM daily_stats d
                  WHERE d.repo_id = repositories.id AND d.date = repositories.listed_on
                    AND d.stargazers > 0)
    ORDER BY id FOR KEY SHARE SKIP LOCKED
    ON CONFLICT (repo_id) DO UPDATE {_REQUEST}
""")  # noqa: S608 - a clause of this module

_REQUEST_REPOSITORY = text(f"""
    INSERT INTO backfills AS b (repo_id)
    SELECT id FROM repositories WHERE id = :id FOR KEY SHARE SKIP LOCKED
    ON CONFLICT (repo_id) DO UPDATE {_REQUEST}
""")  # noqa: S608 - a clause of this module


def request_user(connection: Connection, user_id: int) -> None:
    """Have the whole history of each repository of a user read again, if it has stars."""
    connection.execute(_REQUEST_USER, {"id": user_id})


def request_repository(connection: Connection, repo_id: int) -> None:
    """Have the whole history of a repository read again."""
    connection.execute(_REQUEST_REPOSITORY, {"id": repo_id})


_COUNT_LEASES = text(f"""
    SELECT count(*) FROM backfills WHERE state = 'pending' AND {claims.has_lease()}
""")  # noqa: S608 - a condition of ours

_CLAIM = text(f"""
    WITH due AS (
        SELECT b.repo_id AS due_id FROM backfills b JOIN repositories r ON r.id = b.repo_id
        WHERE b.state = 'pending' AND {LISTED_TODAY}
          AND {claims.is_free("b", most="2 days")}
        -- What failed goes last: it may kill its worker each time.
        ORDER BY b.is_whole, b.attempts, b.requested_at, b.repo_id
        LIMIT :limit
        FOR NO KEY UPDATE OF b SKIP LOCKED
    )
    UPDATE backfills
    SET lease_until = repopulse_now() + make_interval(secs => :lease), attempts = attempts + 1
    FROM due WHERE repo_id = due_id
    RETURNING repo_id, (
        SELECT u.login || '/' || r.name FROM repositories r JOIN users u ON u.id = r.user_id
        WHERE r.id = repo_id
    ) AS full_name
""")  # noqa: S608 - a condition of this module


@dataclass(frozen=True, slots=True)
class Claim:
    """A reading that was leased."""

    repo_id: int
    full_name: str


def claim(connection: Connection, *, most: int, lease: float) -> list[Claim]:
    """Lease readings that are due, as many as are missing to ``most`` leases.

    New readings of the newest weeks come first, since a day's first reading counts; then the whole
    histories in the order in which they were requested. None if another transaction claims now.

    :param lease: seconds after which a reading that is still pending is due again
    """
    is_alone = connection.execute(
        text("SELECT pg_try_advisory_xact_lock(hashtext('repopulse backfills'))")
    ).scalar_one()
    if not is_alone:
        return []
    leased = connection.execute(_COUNT_LEASES, {"lease": lease}).scalar_one()
    if leased >= most:
        return []
    # A number, by which Postgres knows that it need not sort all that wait.
    values = {"limit": most - leased, "lease": lease}
    return [Claim(*tuple(row)) for row in connection.execute(_CLAIM, values)]
