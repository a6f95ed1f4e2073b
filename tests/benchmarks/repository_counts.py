"""The numbers of repositories of the users in a measurement."""

import random
from enum import StrEnum

_RECORDED = {1: 875.0, 2: 63.9, 3: 30.0, 4: 12.2, 5: 8.1, 9: 6.8, 12: 2.6, 30: 1.4}
"""By number of repositories, how many of a thousand owners have about that many."""


class Distribution(StrEnum):
    """How the numbers of repositories are distributed over the users."""

    RECORDED = "recorded"
    """As those of 735 owners of well-known repositories: seven of eight own one repository; the
    others, up to 30, are multiplied by ten."""
    WIDE = "wide"
    """Evenly over the logarithm, from 1 to 300."""


def repository_counts(spread: Distribution, users: int) -> list[int]:
    """Return the number of repositories of each user, the same in each call."""
    if spread is Distribution.WIDE:
        return [round(300 ** ((number + 0.5) / users)) for number in range(users)]
    dice = random.Random(1)
    drawn = dice.choices(list(_RECORDED), list(_RECORDED.values()), k=users)
    return [size if size == 1 else 10 * size for size in drawn]
