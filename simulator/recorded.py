"""A world of real counters, replayed by day from a CSV file.

The file has the columns date, owner, name, stargazers, forks, watchers, created_at and archived,
with one row per repository and date. The counters on a day are those of the newest row
on or before it; before its first row a repository does not exist. The file holds no ids and no
account types: both are derived from the names, so they are the same in every run, whichever part of
the file is loaded.
"""

import csv
import gzip
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.entities import AccountType, Counts

if TYPE_CHECKING:
    from simulator.world import World

COLUMNS = ("date", "owner", "name", "stargazers", "forks", "watchers", "created_at", "archived")


class RecordedDataError(Exception):
    """The file of recorded counters cannot be used."""


@dataclass(frozen=True)
class Recording:
    """The recorded counters of one repository, oldest first."""

    days: list[date] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)

    def __call__(self, day: date) -> Counts | None:
        """Return the counters on a day; None before the first recorded day."""
        at = bisect_right(self.days, day)
        return self.counts[at - 1] if at else None


@dataclass
class RecordedRepository:
    """What the file says about one repository."""

    owner: str
    name: str
    created_at: datetime
    archived: bool
    recording: Recording = field(default_factory=Recording)


def populate(world: "World", path: Path, accounts: int | None = None) -> None:
    """Fill a world from a file.

    :param accounts: how many accounts, those with the most repositories first; all if not given
    """
    repositories = read(path)
    sizes = Counter(repository.owner.lower() for repository in repositories)
    wanted = sorted(sizes, key=lambda login: (-sizes[login], login))[:accounts]
    logins = {r.owner.lower(): r.owner for r in repositories}
    names = [f"{r.owner}/{r.name}".lower() for r in repositories]
    account_ids = stable_ids(logins, bits=27)
    repository_ids = stable_ids(names, bits=30)
    for login in sorted(wanted):
        kind = AccountType.USER if account_ids[login] % 2 else AccountType.ORGANIZATION
        world.add_account(logins[login], name=logins[login], id=account_ids[login], type=kind)
    for repository, key in zip(repositories, names, strict=True):
        account = world.account(repository.owner)
        if account is None:
            continue
        world.add_repository(
            account,
            repository.name,
            id=repository_ids[key],
            is_archived=repository.archived,
            created_at=repository.created_at,
            series=repository.recording,
        )


def read(path: Path) -> list[RecordedRepository]:
    """Read the repositories of a file, plain or gzipped."""
    found: dict[tuple[str, str], RecordedRepository] = {}
    days: dict[str, date] = {}
    try:
        with _rows(path) as rows:
            for text, owner, name, stargazers, forks, watchers, created_at, archived in rows:
                day = days.get(text) or days.setdefault(text, date.fromisoformat(text))
                key = owner.lower(), name.lower()
                repository = found.get(key)
                if repository is None:
                    created = datetime.fromisoformat(created_at)
                    repository = RecordedRepository(owner, name, created, archived == "1")
                    found[key] = repository
                counts = Counts(int(stargazers), int(forks), int(watchers))
                repository.archived = archived == "1"
                repository.recording.days.append(day)
                repository.recording.counts.append(counts)
    except (OSError, EOFError, ValueError, UnicodeDecodeError) as error:
        raise RecordedDataError(f"cannot read {path}: {error}") from error
    for repository in found.values():
        recording = repository.recording
        if recording.days != sorted(recording.days):
            order = sorted(range(len(recording.days)), key=recording.days.__getitem__)
            recording.counts[:] = [recording.counts[at] for at in order]
            recording.days.sort()
    return list(found.values())


@contextmanager
def _rows(path: Path) -> Iterator[Iterator[list[str]]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        header = tuple(next(rows, ()))
        if header != COLUMNS:
            raise ValueError(f"its columns are not {','.join(COLUMNS)}")
        yield rows


def stable_ids(keys: Iterable[str], bits: int) -> dict[str, int]:
    """Return an id for each key; it depends on other keys only if two would collide."""
    ids: dict[str, int] = {}
    taken: set[int] = set()
    for key in sorted(keys):
        number = int.from_bytes(sha256(key.encode()).digest()[:8]) >> (64 - bits)
        while number in taken or number == 0:
            number += 1
        taken.add(number)
        ids[key] = number
    return ids
