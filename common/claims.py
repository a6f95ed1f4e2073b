"""When a row of a queue is free to be claimed, as conditions in SQL.

A lease or a wait that ends further ahead than any rule sets is void: a clock that was ahead has
left it. ``common.scans`` has the same rule for users.
"""


def has_lease(row: str = "") -> str:
    """Return the condition that a task holds a row, or is on its way.

    The statement's ``:lease`` is the lease in seconds.
    """
    return _is_ahead(
        row, "lease_until", "greatest(make_interval(secs => 2 * :lease), interval '1 hour')"
    )


def waits(row: str = "", *, most: str) -> str:
    """Return the condition that a row is not to be claimed yet."""
    return _is_ahead(row, "not_before", f"interval '{most}'")


def is_free(row: str = "", *, most: str) -> str:
    """Return the condition that a row may be claimed.

    :param row: its name in the statement, such as ``b``; by default it needs none
    :param most: the longest wait that a rule sets, such as ``2 hours``
    """
    return f"(NOT {has_lease(row)} AND NOT {waits(row, most=most)})"


def _is_ahead(row: str, column: str, furthest: str) -> str:
    name = f"{row}.{column}" if row else column
    return f"({name} > repopulse_now() AND {name} <= repopulse_now() + {furthest})"
