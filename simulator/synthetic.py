"""A made-up world: accounts from a seed, with counters that grow and sometimes fall."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

from simulator.entities import Account, AccountType, Counts
from simulator.star_log import StarLog

if TYPE_CHECKING:
    from simulator.world import World

EPOCH = date(2024, 1, 1)
STAR_LOG = date(2023, 11, 1), date(2029, 10, 31)
"""The first and the last day of the stars of the repository of which each star is known."""
STARS_A_DAY = 4
BEYOND_32_BITS = 2**31

DEMO_ACCOUNTS: list[tuple[str, str | None, AccountType, int]] = [
    ("northwind-labs", "Northwind Labs", AccountType.ORGANIZATION, 31),
    ("quietharbor", None, AccountType.USER, 9),
    ("basalt-forge", "Basalt Forge", AccountType.ORGANIZATION, 257),
    ("emptyshelf", "Empty Shelf", AccountType.USER, 0),
    ("lanternfish-hq", "Lanternfish 🐠", AccountType.ORGANIZATION, 42),
    ("saltmarsh-data", "Saltmarsh Data", AccountType.ORGANIZATION, 18),
    ("copperleaf9", "copperleaf", AccountType.USER, 6),
    ("nullisland-maps", "Null Island Maps", AccountType.ORGANIZATION, 14),
    ("pixel-otter", "Pixel Otter", AccountType.USER, 3),
    ("tidewater-tools", "Tidewater Tools", AccountType.ORGANIZATION, 11),
    ("halfbyte-owl", "Halfbyte Owl", AccountType.USER, 7),
    ("onelonelyrepo", "One Lonely Repo", AccountType.USER, 1),
]
COMMON_SIZES = (4, 11, 2, 23, 7, 1, 15, 0, 9, 34, 5, 3)
ADJECTIVES = (
    "amber", "brisk", "cobalt", "dusky", "ember", "fable", "glacial", "hollow", "indigo", "juniper",
    "kelp", "lunar", "mossy", "nimble", "opal", "pewter", "quartz", "rustic", "silver", "thistle",
)  # fmt: skip
NOUNS = (
    "anvil", "beacon", "compass", "delta", "engine", "falcon", "garden", "harbor", "island",
    "junction", "kiln", "lantern", "meadow", "nebula", "orchard", "prairie", "quarry", "ridge",
    "signal", "turbine",
)  # fmt: skip
PREFIXES = ("tiny", "open", "py", "go", "fast", "lazy", "plain", "safe", "edge", "mono")
SUBJECTS = (
    "cache", "router", "parser", "queue", "charts", "schema", "vault", "ledger", "tracer", "mesh",
    "widgets", "atlas", "codec", "lint", "shell", "sync", "tiles", "index", "bridge", "scheduler",
)  # fmt: skip
LANGUAGES = ("Python", "Go", "Rust", "TypeScript", "C", None)
"""None: GitHub knows no language of an empty repository, and some have no description."""


@dataclass(frozen=True)
class Growth:
    """Counters as a function of the day: a trend, a daily variation, perhaps a launch."""

    seed: int
    stargazers: int
    stargazers_a_day: float
    forks: int
    watchers: int
    launch: date | None = None
    born: date | None = None
    gone: date | None = None

    def __call__(self, day: date) -> Counts | None:
        """Return the counters on a day; None while the repository does not exist."""
        if self.born is not None and day < self.born:
            return None
        if self.gone is not None and day >= self.gone:
            return None
        age = (day - (self.born or EPOCH)).days
        chance = crc32(f"{self.seed}:{day.toordinal()}".encode())
        gained = int(self.stargazers_a_day * age)
        if self.launch is not None and day >= self.launch:
            # Half of the new stars come within two days, the rest over the following week.
            since = (day - self.launch).days
            gained += int(self.stargazers * 0.4 * (1 - 0.5 ** (since / 2 + 1)))
        # One day in nine some accounts are suspended, and their stars are missing for that day.
        purged = 1 + int(self.stargazers_a_day) + chance % 3 if chance % 9 == 0 else 0
        stargazers = max(0, self.stargazers + gained - purged)
        forks = max(0, self.forks + int(gained * 0.11) - (1 if chance % 23 == 0 else 0))
        watchers = max(0, self.watchers + int(gained * 0.015) + (chance >> 8) % 3 - 1)
        return Counts(stargazers, forks, watchers)


def populate(
    world: "World", seed: int, accounts: int, sizes: list[int] | None, large_ids: bool
) -> None:
    """Fill a world.

    Without sizes the first twelve accounts are the fixed ones of the demo, with repositories that
    appear and disappear in the weeks after the world's day; of the first repository, each star and
    when it was taken back is known. With sizes there is one account for
    each size, which keeps that number of public repositories on every day.
    """
    for position in range(len(sizes) if sizes is not None else accounts):
        # One generator per account: a larger world begins with the same accounts.
        dice = random.Random(f"{seed}:{position}")
        account, size = _add_account(world, position, dice, sizes)
        changing = sizes is None and size >= 9
        for number in range(size - 1 if changing else size):
            has_log = sizes is None and position == number == 0
            _add_repository(
                world,
                account,
                number,
                dice,
                large=large_ids and number % 97 == 7,
                stars=_star_log(seed) if has_log else None,
            )
        if changing:
            _add_comings_and_goings(world, account, size, dice)
    _add_private_repository(world)


def _add_account(
    world: "World", position: int, dice: random.Random, sizes: list[int] | None
) -> tuple[Account, int]:
    if position < len(DEMO_ACCOUNTS):
        login, name, kind, size = DEMO_ACCOUNTS[position]
    else:
        login = f"{dice.choice(ADJECTIVES)}-{dice.choice(NOUNS)}"
        if world.account(login) is not None:
            login = f"{login}-{position}"
        name = None if dice.random() < 0.2 else login.replace("-", " ").title()
        kind = AccountType.USER if dice.random() < 0.6 else AccountType.ORGANIZATION
        size = COMMON_SIZES[position % len(COMMON_SIZES)]
    account = world.add_account(
        login,
        name=name,
        id=1_000_003 + position * 7_368_787 % 190_000_000 + position,
        type=kind,
        created_at=datetime(2012 + position % 10, 1 + position % 12, 5, 8, 15, tzinfo=UTC),
    )
    return account, sizes[position] if sizes is not None else size


def _add_repository(
    world: "World",
    account: Account,
    number: int,
    dice: random.Random,
    *,
    large: bool = False,
    born: date | None = None,
    gone: date | None = None,
    stars: StarLog | None = None,
) -> None:
    stargazers = int(dice.paretovariate(0.6)) * 3 if born is None else 0
    stargazers = min(stargazers, 60_000)
    repository_id = dice.randrange(10_000_000, 1_050_000_000)
    while not world.id_is_free(repository_id):
        repository_id += 1
    growth = Growth(
        seed=repository_id,
        stargazers=stargazers,
        stargazers_a_day=dice.uniform(0.0005, 0.003) * stargazers + dice.uniform(0, 0.3),
        forks=int(stargazers * dice.uniform(0.05, 0.2)),
        watchers=1 + int(stargazers * dice.uniform(0.01, 0.04)),
        launch=world.day + timedelta(days=dice.randrange(-20, 40)) if number % 11 == 3 else None,
        born=born,
        gone=gone,
    )
    created = datetime.combine(
        born or EPOCH - timedelta(days=dice.randrange(2500)), datetime.min.time(), tzinfo=UTC
    )
    name = _repository_name(world, account, number, dice)
    language = LANGUAGES[repository_id % len(LANGUAGES)]
    world.add_repository(
        account,
        name,
        description=f"{name.replace('-', ' ').capitalize()}, in {language}" if language else None,
        language=language,
        id=BEYOND_32_BITS + repository_id if large else repository_id,
        is_fork=number % 7 == 5,
        is_archived=number % 10 == 9,
        series=growth,
        stars=stars,
        created_at=created + timedelta(seconds=dice.randrange(86_400)),
    )


def _star_log(seed: int) -> StarLog:
    first, last = STAR_LOG
    return StarLog.random(seed, first, last, a_day=STARS_A_DAY)


def _repository_name(world: "World", account: Account, number: int, dice: random.Random) -> str:
    name = f"{dice.choice(PREFIXES)}-{dice.choice(SUBJECTS)}"
    # A name that only exists later is taken too.
    return name if world.name_is_free(account, name) else f"{name}-{number}"


def _add_comings_and_goings(
    world: "World", account: Account, size: int, dice: random.Random
) -> None:
    born = world.day + timedelta(days=dice.randrange(3, 45))
    _add_repository(world, account, size, dice, born=born)
    gone = world.day + timedelta(days=dice.randrange(10, 40))
    _add_repository(world, account, size + 1, dice, gone=gone)


def _add_private_repository(world: "World") -> None:
    """Give the first user with repositories a private one, and make this user the viewer."""
    for account in world.accounts:
        if account.type is AccountType.USER and world.repositories(account):
            world.viewer = account
            world.add_repository(
                account, "secret-plans", stargazers=1, watchers=1, private=True, id=987_654_321
            )
            return
