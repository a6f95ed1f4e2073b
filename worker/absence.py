"""What a scan writes about an account that GitHub does not show.

GitHub has denied existing accounts for minutes by mistake. So an account that it has shown before
counts as gone only when it was missing at looks after 0, 5 and 30 minutes, 2 and 6 hours; until
then the day is open. An account that is gone is looked for twice a day, once of it in the day's
last six hours.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from common import clock, scans, users
from common.scans import Begun
from common.states import ScanState
from worker import retry
from worker.outcome import Outcome, time_of_day


@dataclass(frozen=True, slots=True)
class Absence:
    """A look that did not find an account.

    :param is_news: the account is missing since today, or not long enough to count as gone
    """

    outcome: Outcome
    is_news: bool


def record_absence(connection: Connection, begun: Begun, error: str) -> Absence | None:
    """Settle the day of a user whom GitHub does not show, or reschedule it for another look.

    :param error: what GitHub answered
    :return: None if the day is settled already, or the user was deleted
    """
    if not scans.lock(connection, begun.user_id, begun.day):
        return None
    now = clock.now(connection)
    missing_at = users.missing_at(connection, begun.user_id) or now
    # An account that GitHub never showed us was not denied by mistake: the id is wrong.
    is_known = begun.node_id is not None
    look_at = retry.absence_look(missing_at, begun.day, now) if is_known else None
    is_gone = not is_known or now >= missing_at + retry.ABSENCE
    users.mark_missing(connection, begun.user_id, begun.day, is_gone=is_gone)
    since = f"{missing_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    absence = f"GitHub shows no account with id {begun.user_id} since {since} ({error})"
    is_news = not is_gone or missing_at.astimezone(UTC).date() == begun.day
    if look_at is not None:
        return Absence(_look_again(connection, begun, absence, look_at), is_news)
    ending = "it is looked for twice a day" if is_gone else "the day ends before the next look"
    scans.finish(
        connection,
        begun.user_id,
        begun.day,
        state=ScanState.GONE,
        reason=f"{absence}; {ending}",
        look_at=retry.evening_look(begun.user_id, begun.day, now),
    )
    return Absence(Outcome(ScanState.GONE, summary=f"gone: {absence}"), is_news)


def _look_again(connection: Connection, begun: Begun, absence: str, look_at: datetime) -> Outcome:
    hours = round(retry.ABSENCE.total_seconds() / 3600)
    scans.reschedule(
        connection,
        begun.user_id,
        begun.day,
        state=ScanState.WAITING,
        reason=(
            f"{absence}, perhaps by mistake: it is looked for again and counts as gone"
            f" after {hours} hours"
        ),
        not_before=look_at,
        counts_as_attempt=False,
    )
    until = time_of_day(look_at, begun.day)
    return Outcome(ScanState.WAITING, summary=f"waiting until {until}: {absence}")
