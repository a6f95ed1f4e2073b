"""A worker that asks GitHub nothing, for measuring the handing-out alone.

``python -m tests.benchmarks.settler`` is ``python -m worker`` with another collector: the tasks,
the claims, the holding of users and the refilling are the product's own. What a scan would have
fetched and written is left out; a message's users are settled in one transaction.
"""

import os
from collections.abc import Sequence
from typing import cast

from sqlalchemy import text

from common import scans
from common.settings import Settings
from common.states import ScanState
from worker.collect import Collector, Outcome
from worker.process import Process, open_process


class Settler:
    """Stands where the collector does."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def scan(self, user_id: int, *, holder: str, is_load: bool = False) -> Outcome:
        """Settle the day of one user."""
        del is_load
        (outcome,) = self.scan_together([user_id], holder=holder) or [Outcome(None)]
        return outcome

    def scan_together(self, user_ids: Sequence[int], *, holder: str) -> list[Outcome]:
        """Begin the scans of users as the collector does, and settle their day."""
        engine, lease = self._process.engine, self._process.settings.lease
        with engine.begin() as connection:
            begun = scans.begin(connection, user_ids[0], holder=holder, lease=lease)
            if begun is None:
                return []
            together = [begun]
            if len(user_ids) > 1:
                together += scans.take_along(
                    connection, user_ids[1:], begun.day, holder=holder, lease=lease
                )
        with engine.begin() as connection:
            settled = connection.execute(
                text(
                    """
                    WITH settled AS (
                        UPDATE users
                        SET scanned_on = :day, lease_until = '-infinity', held_by = NULL,
                            attempts = 0
                        WHERE id = ANY(:ids) AND scanned_on < :day
                        RETURNING id
                    )
                    UPDATE scans SET state = 'done', finished_at = repopulse_now()
                    FROM settled WHERE user_id = settled.id AND day = :day
                    """
                ),
                {"day": begun.day, "ids": [each.user_id for each in together]},
            )
        return [Outcome(ScanState.DONE)] * settled.rowcount


def open_settling_process(settings: Settings) -> Process:
    """Make the resources of a worker process with the stand-in for its collector."""
    process = open_process(settings)
    settler = cast(Collector, Settler(process))
    return Process(process.settings, process.engine, process.redis, process.github, settler)


if __name__ == "__main__":
    # As in ``worker.__main__``, before Celery is imported.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")

    import worker.__main__
    import worker.app

    worker.app.open_process = open_settling_process  # type: ignore[attr-defined]
    worker.__main__.main()
