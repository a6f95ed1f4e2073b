"""A client's request to scan a user again, although the day may be settled."""

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class RescanRequest:
    """The answer to a request for a rescan.

    :param is_accepted: the user is due now and leased to the caller's message
    :param wait: seconds until a rescan may be requested again, if this request came too soon
    """

    login: str
    is_accepted: bool
    wait: float = 0.0


def request_rescan(
    connection: Connection, user_id: int, *, pause: float, lease: float
) -> RescanRequest | None:
    """Make a user due at once, even if already scanned today or waiting.

    The numbers of the rescan replace those of today; if it fails, those stay. A request within
    ``pause`` seconds of the last request or scan is refused, and a user whose scan is under way is
    left to that scan.

    :param lease: seconds during which the sweep leaves the user to the caller's own message
    :return: None if no user with this id is tracked
    """
    row = connection.execute(
        text(
            # A lease of more than two days, and times to come, are a wrong clock's.
            """
            SELECT login,
                   lease_until > repopulse_now()
                       AND lease_until <= repopulse_now() + interval '2 days',
                   extract(epoch FROM greatest(
                       CASE WHEN asked_at <= repopulse_now() THEN asked_at END,
                       (SELECT max(finished_at) FROM scans
                        WHERE user_id = :id AND day = (repopulse_now() AT TIME ZONE 'UTC')::date
                          AND finished_at <= repopulse_now())
                   ) - repopulse_now()) + :pause
            FROM users WHERE id = :id FOR NO KEY UPDATE
            """
        ),
        {"id": user_id, "pause": pause},
    ).one_or_none()
    if row is None:
        return None
    login, is_under_way, wait = row
    if is_under_way:
        return RescanRequest(login, is_accepted=False)
    if wait is not None and wait > 0:
        return RescanRequest(login, is_accepted=False, wait=float(wait))
    connection.execute(
        text(
            """
            UPDATE users
            SET asked_at = repopulse_now(), held_by = NULL, not_before = '-infinity',
                lease_until = repopulse_now() + make_interval(secs => :lease),
                -- Due again for the sweep too, if the message is lost.
                scanned_on = CASE WHEN scanned_on IS NOT NULL THEN
                    least(scanned_on, (repopulse_now() AT TIME ZONE 'UTC')::date - 1) END
            WHERE id = :id
            """
        ),
        {"id": user_id, "lease": lease},
    )
    return RescanRequest(login, is_accepted=True)
