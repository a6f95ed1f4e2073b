"""The steps of following a user: find the login on GitHub, then record the repositories."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import Connection

from api.http.errors import NotFoundError
from api.pages.filters import timestamp
from api.queries import names, scan_days
from api.queries.names import Account
from api.queries.scan_days import ScanRecord
from common import clock, lookups
from common.lookups import Lookup
from common.plural import count_of_repositories
from common.states import LookupState, ScanState


class Stage(StrEnum):
    """The state of a step."""

    PENDING = "pending"
    IN_PROGRESS = "in progress"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of following a user.

    :param text: the result or the reason
    """

    name: str
    stage: Stage
    text: str


@dataclass(frozen=True, slots=True)
class Steps:
    """How far the steps of following a user are.

    :param user: None until the login is resolved, and again once the user is deleted
    """

    login: str
    lookup: Step
    scan: Step
    user: Account | None

    @property
    def all(self) -> tuple[Step, Step]:
        """The steps in their order."""
        return self.lookup, self.scan

    @property
    def is_finished(self) -> bool:
        """Tell whether no step will change any more."""
        return Stage.FAILED in {self.lookup.stage, self.scan.stage} or (
            self.scan.stage is Stage.DONE
        )

    @property
    def current(self) -> Step:
        """The step that is in progress or failed, or the last one."""
        return self.lookup if self.lookup.stage is not Stage.DONE else self.scan

    @property
    def is_lookup_failed(self) -> bool:
        """Whether no user was found, so that another login may be meant."""
        return self.lookup.stage is Stage.FAILED

    def as_json(self, root: str) -> dict[str, object]:
        """Return the steps for the script of the page.

        :param root: the path below which visitors see the pages
        """
        return {
            "is_finished": self.is_finished,
            "is_lookup_failed": self.is_lookup_failed,
            "user_url": None if self.user is None else f"{root}{self.user.path}",
            "steps": [{"stage": step.stage, "text": step.text} for step in self.all],
        }


def read_steps(connection: Connection, lookup_id: int) -> Steps:
    """Return how far a lookup and the first scan are.

    :raise NotFoundError: there is no such lookup
    """
    lookup = lookups.get(connection, lookup_id)
    if lookup is None:
        raise NotFoundError("lookup not found")
    user = None
    if lookup.user_id is not None:
        user = names.accounts(connection, [lookup.user_id]).get(lookup.user_id)
    record = None
    if user is not None:
        today = clock.today(connection)
        # From yesterday on: midnight may have passed since the first scan.
        record = next(
            iter(scan_days.records(connection, user.id, today - timedelta(1), today)), None
        )
    return Steps(lookup.login, _lookup_step(lookup, user), _scan_step(user, record), user)


def _lookup_step(lookup: Lookup, user: Account | None) -> Step:
    name = "Find on GitHub"
    if lookup.state is LookupState.FAILED:
        return Step(name, Stage.FAILED, lookup.reason or "GitHub has no such user")
    if lookup.state is LookupState.PENDING:
        return Step(name, Stage.IN_PROGRESS, lookup.reason or "asking GitHub")
    if user is None:
        return Step(name, Stage.FAILED, "found, but unfollowed since")
    found = f"{user.name} ({user.login}), account {user.id}"
    return Step(name, Stage.DONE, f"{found}; {lookup.reason}" if lookup.reason else found)


def _scan_step(user: Account | None, record: ScanRecord | None) -> Step:
    name = "Record repositories"
    if user is None:
        return Step(name, Stage.PENDING, "not started")
    if record is None:
        return Step(name, Stage.IN_PROGRESS, "waiting for a worker")
    expected = (
        "? repositories" if record.expected is None else count_of_repositories(record.expected)
    )
    so_far = f"{record.recorded:,} of {expected}"
    retry = f"; next attempt {timestamp(record.next_attempt_at)}" if record.next_attempt_at else ""
    match record.state:
        case ScanState.DONE:
            return Step(name, Stage.DONE, count_of_repositories(record.recorded))
        case ScanState.INCOMPLETE:
            # A settled day may have another look, hours later.
            stage = Stage.IN_PROGRESS if record.finished_at is None else Stage.DONE
            return Step(name, stage, f"{so_far}: {record.reason}{retry}")
        case ScanState.GONE:
            return Step(name, Stage.FAILED, record.reason or "GitHub has no such account")
        case ScanState.CLAIMED:
            text = "reading repositories" if record.attempts else "waiting for a worker"
            return Step(name, Stage.IN_PROGRESS, f"{text}; {so_far}" if record.recorded else text)
    reason = record.reason or "waiting"
    return Step(name, Stage.IN_PROGRESS, reason + retry)
