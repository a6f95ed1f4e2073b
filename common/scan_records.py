"""The records of scans: ``scans`` records the outcome of each user's day, one row each."""

from datetime import date

from sqlalchemy import Connection, text

from common.states import ScanState


def update(
    connection: Connection,
    user_id: int,
    day: date,
    *,
    state: ScanState,
    reason: str | None,
    expected: int | None,
    recorded: int | None,
    is_finished: bool,
) -> None:
    """Store how a scan of a user's day ended, or why it was rescheduled.

    :param expected: None keeps the known number, as does ``recorded``
    """
    connection.execute(
        text(
            """
            UPDATE scans
            SET state = :state, reason = :reason, expected = coalesce(:expected, expected),
                recorded = coalesce(:recorded, recorded),
                finished_at = CASE WHEN :finished THEN repopulse_now() END
            -- A day that was recorded whole stays done, whatever another scan of it ends with. The
            -- record of a settled day stays until another scan settles it or shows repositories.
            WHERE user_id = :id AND day = :day AND (state <> 'done' OR :state = 'done')
              AND (finished_at IS NULL OR :finished OR CAST(:recorded AS integer) IS NOT NULL)
            """
        ),
        {
            "id": user_id,
            "day": day,
            "state": state,
            "reason": reason,
            "expected": expected,
            "recorded": recorded,
            "finished": is_finished,
        },
    )


def keep_totals(connection: Connection, user_id: int, day: date) -> None:
    """Keep the sums of a user's rows of a day with its record, if the day is done.

    Whoever writes or takes over rows of the day calls it afterwards, in the same transaction.
    """
    connection.execute(
        text(
            """
            UPDATE scans
            SET (stargazers, forks, watchers, totals_at) = (
                SELECT coalesce(sum(d.stargazers), 0), coalesce(sum(d.forks), 0),
                       coalesce(sum(d.watchers), 0), scans.finished_at
                FROM ownerships o CROSS JOIN LATERAL (
                    SELECT stargazers, forks, watchers FROM daily_stats
                    WHERE repo_id = o.repo_id AND date = :day AND user_id = :id
                    -- Each row is looked up by key.
                    LIMIT 1
                ) d
                WHERE o.user_id = :id
            )
            WHERE user_id = :id AND day = :day AND state = 'done'
            """
        ),
        {"id": user_id, "day": day},
    )


def keep_all_totals(connection: Connection) -> None:
    """Do that for every day of every user, where rows did not come from scans."""
    connection.execute(
        text(
            """
            UPDATE scans s
            SET stargazers = coalesce(t.stargazers, 0), forks = coalesce(t.forks, 0),
                watchers = coalesce(t.watchers, 0), totals_at = s.finished_at
            FROM scans day LEFT JOIN (
                SELECT user_id, date, sum(stargazers) AS stargazers, sum(forks) AS forks,
                       sum(watchers) AS watchers
                FROM daily_stats GROUP BY user_id, date
            ) t ON t.user_id = day.user_id AND t.date = day.day
            WHERE s.user_id = day.user_id AND s.day = day.day AND s.state = 'done'
            """
        )
    )


def note(connection: Connection, user_id: int, day: date, text_: str) -> None:
    """Add a note to the record of a user's day, whatever becomes of the scan."""
    connection.execute(
        text(
            """
            INSERT INTO scans AS s (user_id, day, note) VALUES (:id, :day, :note)
            ON CONFLICT (user_id, day) DO UPDATE
            SET note = CASE WHEN s.note IS NULL OR strpos(s.note, excluded.note) > 0
                            THEN coalesce(s.note, excluded.note)
                            ELSE s.note || '; ' || excluded.note END
            """
        ),
        {"id": user_id, "day": day, "note": text_},
    )


def close_past(connection: Connection) -> int:
    """Settle the records of past days whose scans never ended, so that the gap has a reason.

    A day that ended while GitHub did not show the account is settled as gone.

    :return: how many there were
    """
    return connection.execute(
        text(
            """
            UPDATE scans s
            SET state = CASE WHEN recorded > 0 THEN 'incomplete'
                             WHEN u.missing_since <= s.day THEN 'gone' ELSE 'failed' END,
                reason = coalesce(reason, 'the day ended before the scan did'),
                finished_at = repopulse_now()
            FROM users u
            WHERE u.id = s.user_id AND s.day < (repopulse_now() AT TIME ZONE 'UTC')::date
              AND s.state IN ('claimed', 'waiting')
            """
        )
    ).rowcount
