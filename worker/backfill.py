"""The backfill: one reading of one repository's star history, page by page.

First GitHub is asked whether anybody may see the repository: a token may see private ones, whose
history would be answered too. Then each page is a permit, a request and a short transaction that
stores the page and where to continue, so a stop half-way costs one request at most. Scans and loads
go first: before each page the queues are looked at, and the permits leave them a reserve of the
quota. Only days that have ended in Los Angeles are stored, by our clock as well as by GitHub's.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import redis
from sqlalchemy import Connection, Engine

from common import broker, clock, readings, star_gains
from common.readings import Progress, Reading
from common.settings import Settings
from common.states import BackfillState
from worker import retry
from worker.claim import GitHubClaim
from worker.github.client import GitHub
from worker.github.errors import (
    Blocked,
    CredentialsRefused,
    GitHubError,
    Gone,
    Limited,
    PolicyRefusal,
    QueryWrong,
    RedisUnavailable,
    TryAgain,
)
from worker.github.history import HistoryPage
from worker.outcome import time_of_day
from worker.renewal import renewed
from worker.transactions import Transactions

log = logging.getLogger(__name__)

_NO_HISTORY = "GitHub has no star history of it"
_NOT_WANTED = "nothing written: deleted, requested anew or read meanwhile"
_NOT_PUBLIC = "GitHub does not show it to everybody"
_NO_HISTORIES = "this Enterprise Server has no star histories"

_LONGEST_PAUSE = timedelta(hours=1)

_TASK_SHARE = 0.25
"""The part of a lease after which a task stops between two pages; the next one continues."""

_HIDDEN = 2
"""Stars of hidden accounts, which count and are in no history, that an empty history may lack."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BackfillOutcome:
    """How the task that reads a history ended.

    :param pages: how many were stored
    :param summary: one line for Flower
    :param may_go_on: whether the next reading is likely to be allowed
    :param is_failure: GitHub did not answer, and not because of its limits
    """

    pages: int
    summary: str
    may_go_on: bool = True
    is_failure: bool = False


class Backfiller:
    """Reads star histories, with the resources of one process.

    :param sleep: waits the given seconds
    """

    def __init__(
        self,
        engine: Engine,
        github: GitHub,
        client: "redis.Redis",
        settings: Settings,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._transactions = Transactions(engine, lease=settings.lease, sleep=sleep)
        self._github = github
        self._redis = client
        self._claim = GitHubClaim(settings.github.name)
        self._settings = settings

    def read(self, repo_id: int) -> BackfillOutcome:
        """Read pages of a history that is pending, until its end or until scans or loads wait."""
        lease = self._settings.load_lease

        def renew(connection: Connection) -> None:
            readings.renew(connection, repo_id, lease=lease)

        def begin(connection: Connection) -> tuple[Reading | None, datetime]:
            renew(connection)
            return readings.get_pending(connection, repo_id), clock.now(connection)

        begun, now = self._transactions.run(begin)
        if begun is None:
            return BackfillOutcome(0, "nothing to do: read already, deleted, or not listed today")
        with renewed(self._engine, renew, lease=lease):
            return self._read(begun, now)

    def _read(self, begun: Reading, now: datetime) -> BackfillOutcome:
        ends = time.monotonic() + self._settings.lease * _TASK_SHARE
        pages, is_public = 0, False
        while True:
            if broker.queue_lengths(self._redis).work_waiting:
                return self._give_back(begun, pages, "scans and loads go first", may_go_on=False)
            if time.monotonic() > ends:
                return self._give_back(begun, pages, "many pages")
            is_update = begun.next_page == 1 and not begun.is_whole
            etag = begun.etag if is_update and begun.read_through else None
            try:
                if not is_public and not self._github.is_public(begun.repo_id, begun.node_id):
                    return self._give_up(begun, BackfillState.FAILED, _NOT_PUBLIC, pages)
                is_public = True
                page = self._github.history(begun.repo_id, begun.next_page, etag=etag)
                stored = self._store(begun, page, asked_at=now)
            except GitHubError as error:
                return self._put_off(begun, error, pages)
            if stored is None:
                return BackfillOutcome(
                    pages, "nothing written: deleted, requested anew or read meanwhile"
                )
            pages += 1
            progress, now = stored
            if progress.is_done:
                through = progress.reading_through
                log.info(
                    "star history read: repository %d, %d pages, until %s",
                    begun.repo_id,
                    pages,
                    through,
                )
                return BackfillOutcome(pages, f"done: {_pages(pages)}, until {through}")
            begun = replace(
                begun,
                next_page=progress.next_page,
                reading_from=progress.reading_from,
                reading_through=progress.reading_through,
                etag=progress.etag,
            )

    def _store(
        self, begun: Reading, page: HistoryPage | None, *, asked_at: datetime
    ) -> tuple[Progress, datetime] | None:
        """Store a page, unless it is not wanted any more.

        :param asked_at: a moment before the page was requested
        :return: the progress, and the database's time
        :raise TryAgain: the page cannot be right
        """
        moment = asked_at
        if page is not None and page.answered_at is not None:
            moment = min(moment, page.answered_at)
        ended = star_gains.last_ended_day(moment)

        def store(connection: Connection) -> tuple[Progress, datetime] | None:
            locked = readings.lock_pending(connection, begun)
            if locked is None:
                return None
            self._claim.hold(connection)
            if page is None:
                progress = _store_unchanged(connection, locked, ended, moment)
            else:
                progress = _store_page(connection, locked, page, ended, moment)
            readings.advance(connection, locked.repo_id, progress)
            return progress, clock.now(connection)

        return self._transactions.run(store)

    def _put_off(self, begun: Reading, error: GitHubError, pages: int) -> BackfillOutcome:
        """Reschedule a reading, or give it up for a week."""
        match error:
            case Limited() | CredentialsRefused():
                wait = timedelta(seconds=error.wait)
                is_failure = isinstance(error, RedisUnavailable | CredentialsRefused)
                return self._wait(begun, error, wait, pages, is_failure=is_failure)
            case Gone() if begun.read_through is None and begun.next_page == 1:
                return self._give_up(begun, BackfillState.NONE, _NO_HISTORY, pages, error)
            case Gone() | Blocked() | PolicyRefusal() | QueryWrong():
                return self._give_up(begun, BackfillState.FAILED, str(error), pages, error)
            case _:
                pause = retry.pause_after(begun.attempts, longest=_LONGEST_PAUSE)
                return self._wait(begun, error, pause, pages, is_failure=True, is_attempt=True)

    def _wait(
        self,
        begun: Reading,
        error: GitHubError,
        wait: timedelta,
        pages: int,
        *,
        is_failure: bool,
        is_attempt: bool = False,
    ) -> BackfillOutcome:
        def reschedule(connection: Connection) -> str:
            now = clock.now(connection)
            readings.reschedule(
                connection,
                begun.repo_id,
                reason=str(error),
                not_before=now + wait,
                counts_as_attempt=is_attempt,
                from_page_1=isinstance(error, PagesMoved),
            )
            return time_of_day(now + wait, now.date())

        until = self._transactions.run(reschedule)
        log.log(
            logging.WARNING if is_attempt else logging.INFO,
            "star history waits until %s: repository %d: %s",
            until,
            begun.repo_id,
            error.for_log(),
        )
        summary = f"waiting until {until}, {_pages(pages)}: {error}"
        return BackfillOutcome(pages, summary, may_go_on=False, is_failure=is_failure)

    def _give_up(
        self,
        begun: Reading,
        state: BackfillState,
        reason: str,
        pages: int,
        error: GitHubError | None = None,
    ) -> BackfillOutcome:
        # An Enterprise Server has the histories of all repositories or of none.
        is_of_all = state is BackfillState.NONE and self._settings.github.is_enterprise_server
        if is_of_all:
            reason = _NO_HISTORIES

        def give_up(connection: Connection) -> None:
            self._claim.check(connection)
            now = clock.now(connection)
            if is_of_all:
                readings.give_up_all(connection, reason=reason, now=now)
            else:
                readings.give_up(connection, begun.repo_id, state, reason=reason, now=now)

        self._transactions.run(give_up)
        said = reason if error is None else error.for_log()
        if is_of_all:
            log.info("%s: %s", reason, said)
        else:
            log.info("no star history: repository %d: %s", begun.repo_id, said)
        return BackfillOutcome(pages, f"{state}: {reason}", may_go_on=not is_of_all)

    def _give_back(
        self, begun: Reading, pages: int, reason: str, *, may_go_on: bool = True
    ) -> BackfillOutcome:
        self._transactions.run(
            lambda connection: readings.reschedule(connection, begun.repo_id, reason=None)
        )
        return BackfillOutcome(
            pages, f"to be continued, {_pages(pages)}: {reason}", may_go_on=may_go_on
        )


class PagesMoved(TryAgain):
    """Weeks are missing between two pages: GitHub's pages moved the other way."""


def _store_page(
    connection: Connection, row: Reading, page: HistoryPage, ended: date, moment: datetime
) -> Progress:
    """Store the days of a page that have ended; return how far the reading has come.

    :raise TryAgain: the page cannot be right
    """
    is_first = row.next_page == 1
    weeks = page.weeks
    if is_first and not weeks and (row.stargazers or 0) > _HIDDEN:
        raise TryAgain(f"GitHub counts {row.stargazers} stars and shows an empty history")
    through, last = row.reading_through or ended, ended
    if weeks:
        # What is after the newest week is not in the answer.
        last = min(ended, weeks[0].saturday)
    if is_first:
        through = last
    elif weeks and row.reading_from and weeks[0].saturday < row.reading_from - _DAY:
        raise PagesMoved("weeks are missing between two pages of the history")
    oldest = weeks[-1].sunday if weeks else None if is_first else row.reading_from
    is_done = page.is_last or _reaches_known(row, oldest)
    first = None if page.is_last else oldest
    if weeks or page.is_last:
        star_gains.write(
            connection,
            row.repo_id,
            page.gains,
            first=first,
            last=last if weeks else min(last, (row.reading_from or last + _DAY) - _DAY),
            was_read=row.was_read,
            read_before=row.read_at,
            read_at=moment,
        )
    etag = row.etag
    if is_first:
        has_running = any(gained for day, gained in page.gains.items() if day > last)
        etag = None if has_running else page.etag
    return Progress(
        next_page=1 if is_done else row.next_page + 1,
        reading_from=oldest,
        reading_through=through,
        etag=etag,
        is_last=page.is_last,
        is_done=is_done,
    )


def _reaches_known(row: Reading, oldest: date | None) -> bool:
    """Return whether a reading that is not whole has come to the days that are known."""
    if row.is_whole or row.read_through is None or oldest is None:
        return False
    return oldest <= row.read_through + _DAY


def _store_unchanged(
    connection: Connection, row: Reading, ended: date, moment: datetime
) -> Progress:
    """Store that page 1 is what it was, when no day that was still running had stars."""
    assert row.read_through is not None  # noqa: S101 - otherwise no ETag is sent
    through = max(ended, row.read_through)
    first = row.read_through + _DAY
    days = [first + number * _DAY for number in range((through - row.read_through).days)]
    if days:
        star_gains.write(
            connection,
            row.repo_id,
            dict.fromkeys(days, 0),
            first=first,
            last=through,
            was_read=row.was_read,
            read_before=row.read_at,
            read_at=moment,
        )
    return Progress(1, row.reading_from, through, row.etag, is_last=False, is_done=True)


def _pages(number: int) -> str:
    return "1 page" if number == 1 else f"{number} pages"
