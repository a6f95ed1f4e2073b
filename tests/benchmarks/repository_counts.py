"""How many repositories the users of a measurement have."""

import random
from enum import StrEnum

_RECORDED = {1: 875.0, 2: 63.9, 3: 30.0, 4: 12.2, 5: 8.1, 9: 6.8, 12: 2.6, 30: 1.4}
"""Of a thousand owners, how many have about so many repositories."""


class Distribution(StrEnum):
    """The sizes that users are given."""

    RECORDED = "recorded"
    """In the form of 735 owners of well-known repositories: seven of eight own one; the tail, up to
    30, is stretched tenfold to 300."""
    WIDE = "wide"
    """Evenly over the magnitudes 1 to 300."""


def repository_counts(spread: Distribution, users: int) -> list[int]:
    """Make up how many repositories each user has, the same for each call."""
    if spread is Distribution.WIDE:
        return [round(300 ** ((number + 0.5) / users)) for number in range(users)]
    dice = random.Random(1)
    drawn = dice.choices(list(_RECORDED), list(_RECORDED.values()), k=users)
    return [size if size == 1 else 10 * size for size in drawn]
