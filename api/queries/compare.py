"""The counts of several repositories and users, to compare them.

Twenty of them have 73,000 days in ten years, so days and counts are lists of numbers, and Postgres
joins them to text, which takes a third of the time of rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection, bindparam, text

from api.queries import names, repository_list, series
from api.queries.metric import Metric
from api.queries.repository_list import Entry, Named
from api.queries.sources import OBSERVED
from common import clock

MAX_COMPARED = 20
"""Repositories and users in one comparison: more lines cannot be told apart."""


class Kind(StrEnum):
    """What is compared."""

    REPOSITORY = "repository"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Subject:
    """A repository or a user in a comparison.

    :param name: the full name of a repository, or the login of a user
    """

    kind: Kind
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Counts:
    """One count of a subject on the days on which it is known, by ascending day.

    :param days: as ordinals, see `date.toordinal`
    :param sources: where each value is from
    """

    subject: Subject
    days: Sequence[int]
    values: Sequence[int]
    sources: Sequence[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What a request names.

    :param subjects: in the order of the request, each with the name that it was found by
    :param missing: what is not followed here
    """

    subjects: dict[Subject, str]
    missing: list[str]


def find(connection: Connection, repositories: Sequence[str], users: Sequence[str]) -> Found:
    """Return the repositories and users that have some names; each of them once.

    :param repositories: full names, or ids in digits
    :param users: logins
    """
    known = _find_by_full_name(connection, [name for name in repositories if "/" in name])
    found: dict[Subject, str] = {}
    missing: list[str] = []
    for name in repositories:
        subject = known.get(name.lower()) or _find_repository(connection, name)
        if subject is None:
            missing.append(name)
        else:
            found.setdefault(subject, name)
    for login in users:
        user = names.find_user(connection, login)
        if user is None:
            missing.append(login)
        else:
            found.setdefault(Subject(Kind.USER, user.id, user.login), login)
    return Found(found, missing)


def _find_repository(connection: Connection, name: str) -> Subject | None:
    owner, has_owner, own_name = name.partition("/")
    found: Named | Entry | None
    if has_owner:
        found = names.find_repository(connection, owner, own_name)
    else:
        found = repository_list.get_named(connection, int(name))
    return None if found is None else Subject(Kind.REPOSITORY, found.id, found.full_name)


def _find_by_full_name(connection: Connection, full_names: Sequence[str]) -> dict[str, Subject]:
    """Return the repositories that alone have one of these names now, by name in lower case.

    One statement for all. What is not among them may have a former name, see ``names``.
    """
    wanted = sorted({name.lower() for name in full_names})
    if not wanted:
        return {}
    rows = connection.execute(
        _BY_FULL_NAME,
        {
            "logins": [name.partition("/")[0] for name in wanted],
            "names": [name.partition("/")[2] for name in wanted],
        },
    )
    return {
        f"{login}/{name}".lower(): Subject(Kind.REPOSITORY, repo_id, f"{login}/{name}")
        for repo_id, login, name in rows
    }


# Users first: their index is on the login in lower case, and each has only some repositories.
_BY_FULL_NAME = text(
    """
    SELECT min(r.id), min(u.login), min(r.name)
    FROM unnest(CAST(:logins AS text[]), CAST(:names AS text[])) AS wanted (login, name)
    JOIN users u ON lower(u.login) = wanted.login
    LEFT JOIN repositories r
        ON r.user_id = u.id AND lower(r.name) = wanted.name AND r.state <> 'gone'
    GROUP BY wanted.login, wanted.name
    HAVING count(*) = 1 AND count(r.id) = 1 AND bool_and(u.missing_since IS NULL)
    """
)


def read_counts(
    connection: Connection, subjects: Iterable[Subject], metric: Metric, first: date, last: date
) -> list[Counts]:
    """Return one observed count of each subject between two days, both included.

    The days of a repository are those of all of its owners. Those of a user are the days on which
    every repository was recorded, with their sum.
    """
    subjects = list(subjects)
    last = min(last, clock.today(connection))
    ids = {kind: [each.id for each in subjects if each.kind is kind] for kind in Kind}
    found = {
        Kind.REPOSITORY: _of_repositories(connection, ids[Kind.REPOSITORY], metric, first, last),
        Kind.USER: _of_users(connection, ids[Kind.USER], metric, first, last),
    }
    counts = []
    for subject in subjects:
        days, values = found[subject.kind].get(subject.id, ([], []))
        counts.append(Counts(subject, days, values, [OBSERVED] * len(days)))
    return counts


_Columns = tuple[list[int], list[int]]
"""Days and values."""


def _of_repositories(
    connection: Connection, ids: Sequence[int], metric: Metric, first: date, last: date
) -> Mapping[int, _Columns]:
    if not ids:
        return {}
    rows = connection.execute(
        text(
            f"""
            SELECT wanted.id, found.days, found.counts
            FROM unnest(CAST(:ids AS bigint[])) AS wanted (id)
            CROSS JOIN LATERAL (
                SELECT string_agg((date - date '0001-01-01' + 1)::text, ',' ORDER BY date) AS days,
                       string_agg({Metric(metric).value}::text, ',' ORDER BY date) AS counts
                FROM daily_stats
                WHERE repo_id = wanted.id AND date BETWEEN :first AND :last
            ) found
            """  # noqa: S608 - a column's name from an enum
        ),
        {"ids": list(ids), "first": first, "last": last},
    )
    return {repo_id: (_numbers(days), _numbers(counts)) for repo_id, days, counts in rows}


def _of_users(
    connection: Connection, ids: Sequence[int], metric: Metric, first: date, last: date
) -> Mapping[int, _Columns]:
    if not ids:
        return {}
    rows = connection.execute(
        text(
            f"""
            SELECT user_id, string_agg((day - date '0001-01-01' + 1)::text, ',' ORDER BY day),
                   string_agg({Metric(metric).value}::text, ',' ORDER BY day),
                   bool_and(coalesce(totals_at = finished_at, false))
            FROM scans
            WHERE user_id IN :ids AND day BETWEEN :first AND :last AND state = 'done'
            GROUP BY user_id
            """  # noqa: S608 - a column's name from an enum
        ).bindparams(bindparam("ids", expanding=True)),
        {"ids": list(ids), "first": first, "last": last},
    ).all()
    found = {row[0]: (_numbers(row[1]), _numbers(row[2])) for row in rows if row[3]}
    # Kept totals do not count where release 0.2.0 has scanned the user again.
    others = series.of_users(connection, [row[0] for row in rows if not row[3]], first, last)
    for user_id, points in others.items():
        days = [point.day.toordinal() for point in points]
        found[user_id] = days, [getattr(point, metric) for point in points]
    return found


def _numbers(joined: str | None) -> list[int]:
    return list(map(int, joined.split(","))) if joined else []
