"""The releases of a repository, as GitHub showed them when they were read last."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, select

from common import tables

_releases = tables.releases.c


@dataclass(frozen=True, slots=True)
class Release:
    """A release.

    :param id: GitHub's
    :param title: None if it has none
    """

    id: int
    tag: str
    title: str | None
    published_at: datetime
    is_prerelease: bool

    @property
    def day(self) -> date:
        """The UTC day on which it was published."""
        return self.published_at.astimezone(UTC).date()


def of_repository(
    connection: Connection, repo_id: int, first: date | None = None, last: date | None = None
) -> list[Release]:
    """Return the releases that were published between two UTC days, both included, oldest first.

    :param first: None for all from the beginning
    :param last: None for all until the end
    """
    query = select(
        _releases.id,
        _releases.tag,
        _releases.title,
        _releases.published_at,
        _releases.is_prerelease,
    ).where(_releases.repo_id == repo_id)
    if first is not None:
        query = query.where(_releases.published_at >= datetime.combine(first, time(), UTC))
    if last is not None and last < date.max:
        end = datetime.combine(last + timedelta(1), time(), UTC)
        query = query.where(_releases.published_at < end)
    rows = connection.execute(query.order_by(_releases.published_at, _releases.id))
    return [Release(*row) for row in rows]
