"""A worker that asks GitHub nothing, for measuring the fan-out alone.

``python -m tests.benchmarks.settler`` is ``python -m worker`` with another collector: the tasks,
the claims, the leases and the refilling are the product's own. What a scan would have fetched and
written is left out; the user's day is settled at once.
"""

import os
from dataclasses import replace
from typing import cast

from sqlalchemy import Engine

from common import scans
from common.scans import NotBegun
from common.settings import Settings
from common.states import ScanState
from worker.collect import Collector
from worker.outcome import Outcome
from worker.process import Process, open_process


class Settler:
    """Takes the collector's place."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._lease = settings.lease

    def scan(self, user_id: int, *, holder: str, is_load: bool = False) -> Outcome:
        """Begin the scan of a user as the collector does, and settle the day."""
        del is_load
        with self._engine.begin() as connection:
            begun = scans.begin(connection, user_id, holder=holder, lease=self._lease)
            if isinstance(begun, NotBegun):
                return Outcome(None, summary=begun)
        with self._engine.begin() as connection:
            scans.finish(connection, user_id, begun.day, state=ScanState.DONE)
        return Outcome(ScanState.DONE, summary="done")


def open_settling_process(settings: Settings) -> Process:
    """Make the resources of a worker process with the stand-in for its collector."""
    process = open_process(settings)
    settler = cast(Collector, Settler(process.engine, settings))
    return replace(process, collector=settler)


if __name__ == "__main__":
    # As in ``worker.__main__``, before Celery is imported.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")

    import worker.__main__
    import worker.app

    worker.app.open_process = open_settling_process  # type: ignore[attr-defined]
    worker.__main__.main()
