"""Renewing a lease while the task that holds it works."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from common.db import first_line

log = logging.getLogger(__name__)

_SHARE = 1 / 3
"""The part of a lease after which it is renewed: two renewals may fail."""


@contextmanager
def renewed(engine: Engine, renew: Callable[[Connection], None], *, lease: float) -> Iterator[None]:
    """Renew a lease in a thread until the block ends.

    A single request to GitHub may take longer than the lease, so the thread that sends it cannot
    renew. The thread ends with its process, and the task's time limit ends both.

    :param renew: changes nothing unless the caller still holds the lease
    :param lease: seconds
    """
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(lease * _SHARE):
            try:
                with engine.begin() as connection:
                    renew(connection)
            except SQLAlchemyError as error:
                log.warning("could not renew a lease: %s", first_line(error))

    thread = threading.Thread(target=work, name="renewal", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Without waiting for the thread, which Postgres may hold up.
        is_over.set()
