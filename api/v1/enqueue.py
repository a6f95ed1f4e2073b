"""Send tasks for rows that a request stored; the sweep sends what Redis did not take."""

import logging
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from api.dependencies import Resources
from api.http.transactions import transact
from common import imports, lookups, users
from common.broker import Task
from common.db import first_line
from common.lookups import Lookup

log = logging.getLogger(__name__)


def enqueue_load(resources: Resources, user_id: int, login: str) -> bool:
    """Send the load of a user whose lease it holds; return whether Redis took it."""
    is_sent = resources.sender.send(Task.LOAD_USER, user_id, login=login)
    if not is_sent:
        _release(
            resources, f"user {user_id}", lambda connection: users.release(connection, user_id)
        )
    return is_sent


def enqueue_lookup(resources: Resources, lookup: Lookup) -> bool:
    """Send the task that resolves a lookup whose lease it holds; return whether Redis took it."""
    is_sent = resources.sender.send(Task.RESOLVE_LOGIN, lookup.id, login=lookup.login)
    if not is_sent:
        _release(
            resources,
            f"lookup {lookup.id}",
            lambda connection: lookups.reschedule(connection, lookup.id, reason=None),
        )
    return is_sent


def enqueue_import(resources: Resources, import_id: int) -> bool:
    """Send the task of an import whose lease it holds; return whether Redis took it."""
    is_sent = resources.sender.send(Task.PROCESS_IMPORT, import_id)
    if not is_sent:
        _release(
            resources,
            f"import {import_id}",
            lambda connection: imports.release(connection, import_id),
        )
    return is_sent


def _release(resources: Resources, subject: str, release: Callable[[Connection], None]) -> None:
    """Make a row due for the next sweep."""
    try:
        transact(resources.database, release)
    except SQLAlchemyError as error:
        # The row is stored all the same, and due when its lease expires.
        log.warning(
            "could not release the lease of %s; it will expire: %s", subject, first_line(error)
        )
