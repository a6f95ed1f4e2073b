"""What is stored of GitHub's history of a repository's stars."""

from sqlalchemy import Connection, select

from api.queries.estimate import Gain, StarHistory
from common import tables

_gains = tables.star_gains.c
_backfills = tables.backfills.c


def of_repository(connection: Connection, repo_id: int) -> StarHistory | None:
    """Return the history of a repository; None before it was read for the first time."""
    read_through = connection.execute(
        select(_backfills.read_through).where(_backfills.repo_id == repo_id)
    ).scalar_one_or_none()
    if read_through is None:
        return None
    rows = connection.execute(
        select(_gains.day, _gains.gained_first, _gains.read_at).where(_gains.repo_id == repo_id)
    )
    return StarHistory(read_through, {day: Gain(stars, read_at) for day, stars, read_at in rows})
