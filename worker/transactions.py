"""Transactions of a worker, retried while the database is away."""

import logging
import time
from collections.abc import Callable
from itertools import accumulate
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from common.db import outage_reason

log = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between two tries: a restart or a failover of Postgres takes no longer."""

_LEASE_SHARE = 0.25
"""The part of a lease that all pauses together may take: a task may take half."""


class Transactions:
    """Runs transactions on one engine.

    Each transaction may run twice: if the first commit's end is unknown, the second finds nothing
    to do.

    :param lease: seconds, see ``Settings.lease``
    :param sleep: waits the given seconds
    """

    def __init__(
        self, engine: Engine, *, lease: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._engine = engine
        self._sleep = sleep
        self._pauses = [
            pause
            for pause, total in zip(_PAUSES, accumulate(_PAUSES), strict=True)
            if total <= lease * _LEASE_SHARE
        ]

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction, and again for half a minute while the database is away.

        :raise SQLAlchemyError: the database stays away, or the work itself is wrong
        """
        for pause in self._pauses:
            try:
                return self._once(work)
            except SQLAlchemyError as error:
                reason = outage_reason(error)
                if reason is None:
                    raise
                log.warning("%s: trying again in %.0f s", reason, pause)
            self._sleep(pause)
        return self._once(work)

    def _once(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)
