"""Resolve a login for a request: a worker asks GitHub, and the request waits some seconds for it.

A login may have changed hands since the last scan, so GitHub is asked about tracked logins too. If
it cannot be asked in time, a tracked login stands for the user who had it last.
"""

import asyncio
import logging
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api.dependencies import Resources
from api.http.errors import NotFoundError
from api.http.transactions import read, transact
from api.v1.enqueue import enqueue_lookup
from common import lookups, users
from common.db import first_line
from common.lookups import Lookup
from common.states import LookupState
from common.users import TrackedUser

log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.05
_MAX_PAUSE = 0.25
"""Seconds between two looks at a login that is being resolved."""

_MAX_CONFIRMATIONS = 2
_CONFIRMATION_HOURS = 1
"""How often GitHub is asked about a tracked login within that time: a script that repeats all of
its PUTs every few minutes must not use up the requests that scans need."""

_MAX_PENDING = 100
"""Lookups that may wait before GitHub is no longer asked about tracked logins: it would not answer
in time, and scans would wait for all of them."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The tracked user who has a login now, or had it last.

    :param is_new: tracked since this request
    """

    user: TrackedUser
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Question:
    """What is known of a login when a request asks for it.

    :param tracked: the user who had it last
    :param lookup: None if GitHub need not, or cannot, be asked
    :param is_sent: a worker will resolve the lookup soon; otherwise after a sweep
    """

    tracked: TrackedUser | None
    lookup: Lookup | None
    is_sent: bool


async def resolve_login(
    resources: Resources, login: str, *, waits_for_new: bool = True
) -> Resolved | Lookup:
    """Return the tracked user who has a login, or the lookup if GitHub did not answer in time.

    :param waits_for_new: False if an untracked login need not be waited for
    :raise NotFoundError: GitHub has no such login, or the user was deleted meanwhile
    """
    question = await run_in_threadpool(_ask, resources, login)
    tracked, lookup = question.tracked, question.lookup
    if lookup is not None and (tracked is not None or waits_for_new):
        found = await _wait(resources, question, lookup)
        if found is not None:
            return found
    if tracked is not None:
        return Resolved(tracked, is_new=False)
    assert lookup is not None  # noqa: S101 - an untracked login always gets one
    return lookup


def _ask(resources: Resources, login: str) -> _Question:
    """Have a worker ask GitHub, unless that was done often enough for a tracked login."""

    def look(connection: Connection) -> tuple[TrackedUser | None, bool]:
        tracked = users.find_by_login(connection, login)
        if tracked is None:
            return None, True
        confirmed = lookups.count_confirmations(
            connection, tracked.id, login, hours=_CONFIRMATION_HOURS
        )
        is_possible = lookups.count_pending(connection, most=_MAX_PENDING) < _MAX_PENDING
        return tracked, confirmed < _MAX_CONFIRMATIONS and is_possible

    tracked, is_needed = read(resources.database, look)
    if not is_needed:
        return _Question(tracked, None, is_sent=False)
    try:
        lookup, is_new = transact(
            resources.database,
            lambda connection: lookups.get_or_create(
                connection, login, lease=resources.settings.load_lease
            ),
        )
    except SQLAlchemyError as error:
        if tracked is None:
            raise
        log.warning("login not resolved again: %s: %s", login, first_line(error))
        return _Question(tracked, None, is_sent=False)
    is_sent = not lookup.is_postponed and (not is_new or enqueue_lookup(resources, lookup))
    return _Question(tracked, lookup, is_sent)


async def _wait(resources: Resources, question: _Question, lookup: Lookup) -> Resolved | None:
    """Return the result of a lookup, or None if there is none in time.

    :raise NotFoundError: GitHub has no such login, or the user was deleted meanwhile
    """
    now = asyncio.get_running_loop().time
    deadline = now() + (resources.settings.lookup_wait if question.is_sent else 0)
    pause = _FIRST_PAUSE
    # A waiting request holds neither a thread nor a connection between two looks.
    while (left := deadline - now()) > 0:
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, _MAX_PAUSE)
        found = await run_in_threadpool(_result_of, resources, question.tracked, lookup.id)
        if isinstance(found, Resolved):
            return found
        if found is not None and found.is_postponed:
            # GitHub does not answer now.
            return None
    return None


def _result_of(
    resources: Resources, tracked: TrackedUser | None, lookup_id: int
) -> Resolved | Lookup | None:
    """Return the user of a resolved login, or the lookup while it is pending.

    :raise NotFoundError: GitHub has no such login, or the user was deleted meanwhile
    """

    def look(connection: Connection) -> tuple[Lookup | None, TrackedUser | None, bool]:
        lookup = lookups.get(connection, lookup_id)
        if lookup is None or lookup.state is LookupState.PENDING:
            return lookup, None, False
        if lookup.user_id is None:
            # A tracked user stays one, whatever GitHub says of the login.
            known = None if tracked is None else users.get(connection, tracked.id)
            return lookup, known, True
        user = users.get(connection, lookup.user_id)
        return lookup, user, lookups.was_already_tracked(connection, lookup_id)

    lookup, user, was_tracked = read(resources.database, look)
    if lookup is None or lookup.state is LookupState.PENDING:
        return lookup
    if user is not None:
        log.info("login resolved: %s is %s (%d)", lookup.login, user.login, user.id)
        return Resolved(user, is_new=not was_tracked)
    if lookup.state is LookupState.FAILED:
        log.info("login not resolved: %s: %s", lookup.login, lookup.reason)
        raise NotFoundError(lookup.reason or f"GitHub has no user {lookup.login}")
    raise NotFoundError("user not found: deleted after it was added")
