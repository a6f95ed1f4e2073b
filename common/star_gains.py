"""What GitHub's history of stars said: by day of Los Angeles, the stars that are still held.

An unstar lowers the day on which the star was given, so a later reading differs from an earlier
one. The first and the last reading of each day are kept, apart from the rows that we observed.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from common.db import array_literal

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
"""Where the days of GitHub's history end, summer time included: measured by a client over 440 stars
of 19 repositories, and undocumented."""

_DAY = timedelta(days=1)

RECENT = 7 * _DAY
"""How soon after its end a day without stars must be read to get a row."""

_UPSERT = text("""
    INSERT INTO star_gains AS stored (repo_id, day, gained_first, gained_last, read_at)
    SELECT :repo_id, day, CASE WHEN was_read THEN 0 ELSE gained END, gained,
           CASE WHEN was_read THEN CAST(:read_before AS timestamptz)
                ELSE CAST(:read_at AS timestamptz) END
    FROM unnest(
        CAST(:days AS date[]), CAST(:gained AS integer[]), CAST(:was_read AS boolean[])
    ) AS page (day, gained, was_read)
    ON CONFLICT (repo_id, day) DO UPDATE SET gained_last = excluded.gained_last
    WHERE stored.gained_last <> excluded.gained_last
""")

_TAKE_BACK = text("""
    UPDATE star_gains SET gained_last = 0
    WHERE repo_id = :repo_id AND gained_last > 0
      AND day >= coalesce(CAST(:first AS date), '-infinity') AND day <= :last
      AND day <> ALL(CAST(:days AS date[]))
""")
"""Days of the page on which no star that is still held was given."""


def last_ended_day(moment: datetime) -> date:
    """Return the last day that has ended in Los Angeles at a moment."""
    return moment.astimezone(LOS_ANGELES).date() - _DAY


def write(
    connection: Connection,
    repo_id: int,
    gains: Mapping[date, int],
    *,
    first: date | None,
    last: date,
    was_read: Callable[[date], bool],
    read_before: datetime | None,
    read_at: datetime,
) -> None:
    """Store what one page said of the days from ``first`` to ``last``, all of which have ended.

    A second reading of a day keeps its first value and replaces its last one.

    :param gains: the stars of each day; a day that is not in it has none
    :param first: None if the page is the last one, so that no day before it has stars
    :param was_read: whether an earlier page had a day; if it has no row, it had no stars then
    :param read_before: when the earlier reading ended, for such days
    :param read_at: the moment of this reading
    """
    within = {
        day: gained
        for day, gained in gains.items()
        if day <= last and (first is None or day >= first)
    }
    page = sorted(
        (day, gained, was_read(day))
        for day, gained in within.items()
        # A day without stars that an earlier page had has its row, or was not recent then.
        if gained or (day > last - RECENT and not was_read(day))
    )
    if page:
        connection.execute(
            _UPSERT,
            {
                "repo_id": repo_id,
                "days": [day for day, _, _ in page],
                "gained": array_literal(gained for _, gained, _ in page),
                "was_read": [known for _, _, known in page],
                "read_before": read_before or read_at,
                "read_at": read_at,
            },
        )
    connection.execute(
        _TAKE_BACK,
        {
            "repo_id": repo_id,
            "first": first,
            "last": last,
            "days": [day for day, gained, _ in page if gained],
        },
    )
