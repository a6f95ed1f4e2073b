"""Sending the load of a user, which a person may be waiting for."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from api.dependencies import Resources
from api.http.transactions import transact
from common import users
from common.broker import Task
from common.db import first_line

log = logging.getLogger(__name__)


def send_load(resources: Resources, user_id: int, login: str) -> None:
    """Send the load of a user who is leased to it; the sweep sends what could not be sent."""
    if resources.sender.send(Task.LOAD_USER, user_id, login=login):
        return
    try:
        transact(resources.database, lambda connection: users.release(connection, user_id))
    except SQLAlchemyError as error:
        # What was asked for is stored all the same, and due when the lease ends.
        log.warning("user %d stays leased: %s", user_id, first_line(error))
