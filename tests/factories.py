"""Rows for tests, written by the functions of the product.

Each function takes the values that matter to a test and invents the others.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

from sqlalchemy import Connection, text

from common import clock, repositories, scans, stats, users
from common.repositories import Counts, SeenRepository
from common.states import ScanState
from common.users import TrackedUser

_user_ids = count(1_000_001)
_repository_ids = count(70_000_001)
_release_ids = count(190_000_001)

ONE_DAY = timedelta(days=1)


def make_user(
    user_id: int | None = None, login: str | None = None, name: str | None = None
) -> TrackedUser:
    """Return an account that is not tracked yet."""
    user_id = user_id or next(_user_ids)
    login = login or f"user-{user_id}"
    return TrackedUser(user_id, login, name or f"User {user_id}")


def add_user(
    connection: Connection,
    user_id: int | None = None,
    login: str | None = None,
    name: str | None = None,
    *,
    lease: float = 0,
) -> TrackedUser:
    """Track an account."""
    user, _ = users.add(connection, make_user(user_id, login, name), lease=lease)
    return user


def make_repository(
    repository_id: int | None = None,
    name: str | None = None,
    counts: Counts | None = None,
    *,
    is_fork: bool = False,
    is_archived: bool = False,
    description: str | None = None,
) -> SeenRepository:
    """Return a repository as GitHub would show it."""
    repository_id = repository_id or next(_repository_ids)
    return SeenRepository(
        id=repository_id,
        name=name or f"repository-{repository_id}",
        node_id=f"R_{repository_id}",
        is_fork=is_fork,
        is_archived=is_archived,
        counts=counts or Counts(stargazers=42, forks=9, watchers=14),
        description=description,
    )


def add_repository(
    connection: Connection,
    user: TrackedUser,
    repository_id: int | None = None,
    name: str | None = None,
    *,
    day: date | None = None,
    description: str | None = None,
) -> SeenRepository:
    """Add a repository to a tracked user, seen first on a day, by default today."""
    repository = make_repository(repository_id, name, description=description)
    repositories.save(connection, user.id, day or clock.today(connection), [repository])
    return repository


def add_rows(
    connection: Connection,
    user: TrackedUser,
    repository: SeenRepository,
    rows: Mapping[date, Counts | tuple[int, int, int]],
) -> None:
    """Store a repository's stargazers, forks and watchers by day."""
    for day, counts in rows.items():
        seen = counts if isinstance(counts, Counts) else Counts(*counts)
        stats.write(connection, user.id, day, {repository.id: seen})


def add_history(
    connection: Connection,
    user: TrackedUser,
    repository: SeenRepository,
    *,
    until: date,
    stargazers: Sequence[int],
    forks: int = 9,
    watchers: int = 14,
) -> list[date]:
    """Store one row per day, the last one on ``until``.

    :return: the days, oldest first
    """
    days = [until - ONE_DAY * ago for ago in reversed(range(len(stargazers)))]
    add_rows(
        connection,
        user,
        repository,
        {day: Counts(stars, forks, watchers) for day, stars in zip(days, stargazers, strict=True)},
    )
    return days


_SETTLED = frozenset({ScanState.DONE, ScanState.INCOMPLETE, ScanState.GONE})


def add_scan(
    connection: Connection,
    user: TrackedUser,
    day: date,
    state: ScanState = ScanState.DONE,
    *,
    reason: str | None = None,
    expected: int | None = None,
    recorded: int = 0,
    not_before: datetime | None = None,
) -> None:
    """Store the scan of a user's day; settle days of one user in ascending order only."""
    # Claiming or beginning a scan creates the record, but only for today.
    connection.execute(
        text(
            "INSERT INTO scans (user_id, day, attempts) VALUES (:user, :day, 1)"
            " ON CONFLICT DO NOTHING"
        ),
        {"user": user.id, "day": day},
    )
    if state is ScanState.CLAIMED:
        return
    if state in _SETTLED:
        was_open = scans.finish(
            connection,
            user.id,
            day,
            state=state,
            expected=expected,
            recorded=recorded,
            reason=reason,
        )
    else:
        was_open = scans.reschedule(
            connection,
            user.id,
            day,
            state=state,
            reason=reason or "reason of a test",
            not_before=not_before or datetime.combine(day, time(), UTC),
            expected=expected,
            recorded=recorded,
        )
    if not was_open:
        raise ValueError(f"a scan of {day} or a later day of {user.login} is settled already")


def add_release(
    connection: Connection,
    repository: SeenRepository,
    tag: str,
    published: date | str,
    *,
    title: str | None = None,
    is_prerelease: bool = False,
    id: int | None = None,  # noqa: A002 - the column's name
) -> None:
    """Add a release.

    :param published: a time, or a day for its midnight in UTC
    """
    connection.execute(
        text(
            "INSERT INTO releases (repo_id, id, tag, title, published_at, is_prerelease)"
            " VALUES (:repo_id, :id, :tag, :title, :published, :is_prerelease)"
        ),
        {
            "repo_id": repository.id,
            "id": next(_release_ids) if id is None else id,
            "tag": tag,
            "title": title,
            "published": f"{published}T00:00:00Z" if isinstance(published, date) else published,
            "is_prerelease": is_prerelease,
        },
    )
