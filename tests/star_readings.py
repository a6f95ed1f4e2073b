"""Readings of GitHub's history of stars, stored as a worker stores them."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from common.star_gains import LOS_ANGELES


def store(
    connection: Connection, repo_id: int, gained: Mapping[date, int], read_at: datetime
) -> None:
    """Store a reading of the whole history: the first one of a day stays beside the last one.

    :param gained: stars by day of Los Angeles; days that have not ended are dropped
    """
    through = read_at.astimezone(LOS_ANGELES).date() - timedelta(days=1)
    days = {day: stars for day, stars in gained.items() if day <= through}
    connection.execute(
        text(
            """
            WITH reading AS (
                INSERT INTO backfills AS b (repo_id, state, read_through, read_at)
                VALUES (:id, 'done', :through, :read_at)
                ON CONFLICT (repo_id) DO UPDATE
                SET read_through = excluded.read_through, read_at = excluded.read_at
            ), earlier AS (
                SELECT max(read_through) AS through FROM backfills WHERE repo_id = :id
            )
            INSERT INTO star_gains AS stored (repo_id, day, gained_first, gained_last, read_at)
            SELECT :id, day,
                   -- At the first reading the day had none.
                   CASE WHEN day <= earlier.through THEN 0 ELSE stars END, stars, :read_at
            FROM earlier, unnest(CAST(:days AS date[]), CAST(:stars AS integer[])) AS t (day, stars)
            WHERE stars > 0 OR NOT day <= earlier.through
            ON CONFLICT (repo_id, day) DO UPDATE SET gained_last = excluded.gained_last
            """
        ),
        {
            "id": repo_id,
            "through": through,
            "read_at": read_at,
            "days": list(days),
            "stars": list(days.values()),
        },
    )
