"""The world behind the simulated GitHub: accounts, repositories and their counters by day.

What is in place before the simulated day first moves was always there; what changes afterwards
takes effect on the day on which it is changed, and earlier days keep their truth.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

FIRST_ACCOUNT_ID = 41_000_001
FIRST_REPOSITORY_ID = 710_000_001


class AccountType(StrEnum):
    """What an account is; the value is the word GitHub uses."""

    USER = "User"
    ORGANIZATION = "Organization"


class BlockReason(StrEnum):
    """Why GitHub blocks access to a repository."""

    DMCA = "dmca"
    TOS = "tos"
    UNAVAILABLE = "unavailable"


class Counts(NamedTuple):
    """The three counters of a repository on one day."""

    stargazers: int
    forks: int
    watchers: int


class Truth(NamedTuple):
    """What a recorder should have stored for one public repository on one day."""

    owner_id: int
    stargazers: int
    forks: int
    watchers: int


Series = Callable[[date], Counts | None]
"""The counters on a day; None while the repository does not exist."""


@dataclass(frozen=True)
class Constant:
    """Counters that never move."""

    counts: Counts

    def __call__(self, day: date) -> Counts:
        return self.counts


@dataclass(eq=False)
class Account:
    """A user or an organisation. Change it through its World only."""

    id: int
    login: str
    name: str | None
    type: AccountType
    created_at: datetime


@dataclass(frozen=True)
class Standing:
    """Whose a repository is, and whether the public may see it."""

    owner_id: int
    private: bool = False
    deleted: bool = False
    block: BlockReason | None = None


@dataclass(eq=False)
class Repository:
    """A repository. Change it through its World only."""

    id: int
    name: str
    owner: Account
    is_fork: bool
    is_archived: bool
    created_at: datetime
    series: Series
    private: bool = False
    description: str | None = None
    language: str | None = None
    deleted: bool = False
    block: BlockReason | None = None
    collaborators: set[int] = field(default_factory=set)
    overrides: list[tuple[date, dict[str, int]]] = field(default_factory=list)
    standings: list[tuple[date, Standing]] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """The name as `owner/name`."""
        return f"{self.owner.login}/{self.name}"

    def counts_on(self, day: date) -> Counts | None:
        """The counters on a day, or None if the repository did not exist then."""
        counts = self.series(day)
        if counts is not None:
            for since, changes in self.overrides:
                if since <= day:
                    counts = counts._replace(**changes)
        return counts

    def standing_on(self, day: date) -> Standing | None:
        """Whose it was on a day, or None before it was added."""
        found = None
        for since, standing in self.standings:
            if since <= day:
                found = standing
        return found


class World:
    """Accounts and repositories, safe to change from one thread while another one serves them."""

    def __init__(self, day: date | None = None) -> None:
        self.lock = threading.RLock()
        self.viewer: Account | None = None
        """Whom a token stands for when the simulator was given no tokens."""
        self._day = day or datetime.now(UTC).date()
        self._moved = False
        self._accounts: dict[int, Account] = {}
        self._logins: dict[str, Account] = {}
        self._repositories: dict[int, Repository] = {}
        self._names: dict[int, dict[str, Repository]] = {}
        self._collaborations: dict[int, list[Repository]] = {}
        self._today: dict[int, Counts | None] = {}
        self._redirects: dict[tuple[str, str], Repository] = {}
        self._next_account_id = FIRST_ACCOUNT_ID
        self._next_repository_id = FIRST_REPOSITORY_ID

    @classmethod
    def synthetic(
        cls,
        seed: int = 1,
        accounts: int = 12,
        day: date | None = None,
        sizes: list[int] | None = None,
        large_ids: bool = True,
    ) -> "World":
        """A made-up world that is the same for the same arguments; see `synthetic.populate`."""
        from simulator import synthetic

        world = cls(day=day)
        synthetic.populate(world, seed=seed, accounts=accounts, sizes=sizes, large_ids=large_ids)
        return world

    @classmethod
    def recorded(
        cls, path: str | Path, day: date | None = None, accounts: int | None = None
    ) -> "World":
        """A world that replays real counters; see `recorded.populate`."""
        from simulator import recorded

        world = cls(day=day)
        recorded.populate(world, Path(path), accounts=accounts)
        return world

    @property
    def day(self) -> date:
        """The simulated day."""
        return self._day

    @day.setter
    def day(self, day: date) -> None:
        with self.lock:
            self._moved = self._moved or day != self._day
            self._day = day
            self._today.clear()

    # Reading

    @property
    def accounts(self) -> list[Account]:
        """Every account there is now, by id."""
        with self.lock:
            return sorted(self._accounts.values(), key=lambda account: account.id)

    def account(self, login: str) -> Account | None:
        """The account that has this login now, whatever its case."""
        return self._logins.get(login.lower())

    def account_by_id(self, account_id: int) -> Account | None:
        """The account with this id, unless it was deleted."""
        return self._accounts.get(account_id)

    def repository(self, owner: str, name: str) -> Repository | None:
        """The repository that has this name now, whatever its case."""
        account = self.account(owner)
        if account is None:
            return None
        repository = self._names[account.id].get(name.lower())
        return repository if repository and self.exists(repository) else None

    def repository_by_id(self, repository_id: int) -> Repository | None:
        """The repository with this id if it exists on the simulated day."""
        repository = self._repositories.get(repository_id)
        return repository if repository and self.exists(repository) else None

    def redirect(self, owner: str, name: str) -> Repository | None:
        """The repository that had this name before it was renamed or transferred."""
        repository = self._redirects.get((owner.lower(), name.lower()))
        return repository if repository and self.exists(repository) else None

    def repositories(self, account: Account | None = None) -> list[Repository]:
        """The repositories that exist on the simulated day: of one account, or all."""
        with self.lock:
            every: Iterator[Repository] = (
                iter(self._repositories.values())
                if account is None
                else iter(self._names.get(account.id, {}).values())
            )
            return [repository for repository in every if self.exists(repository)]

    def collaborations(self, account: Account) -> list[Repository]:
        """The repositories of others in which the account collaborates."""
        with self.lock:
            shared = self._collaborations.get(account.id, ())
            return [r for r in shared if self.exists(r) and r.owner is not account]

    def exists(self, repository: Repository) -> bool:
        """Whether a repository exists on the simulated day."""
        return not repository.deleted and self._counts_today(repository) is not None

    def name_is_free(self, account: Account, name: str) -> bool:
        """Whether an account could add a repository of this name."""
        return name.lower() not in self._names[account.id]

    def id_is_free(self, repository_id: int) -> bool:
        """Whether no repository has or had this id."""
        return repository_id not in self._repositories

    def counts(self, repository_id: int) -> Counts:
        """The counters of a repository on the simulated day."""
        counts = self._counts_today(self._repositories[repository_id])
        if counts is None:
            raise KeyError(repository_id)
        return counts

    def truth(self, day: date | None = None) -> dict[int, Truth]:
        """What a recorder should have for a day: each public, unblocked repository by its id.

        A change within a day counts for the whole of that day: the last one wins.
        """
        day = day or self._day
        found = {}
        with self.lock:
            for repository in self._repositories.values():
                standing = repository.standing_on(day)
                counts = repository.counts_on(day)
                if standing is None or counts is None:
                    continue
                if standing.deleted or standing.private or standing.block:
                    continue
                found[repository.id] = Truth(standing.owner_id, *counts)
        return found

    # Changing

    def add_account(
        self,
        login: str,
        name: str | None = None,
        *,
        id: int | None = None,  # noqa: A002 - GitHub's own word
        type: str = AccountType.USER,  # noqa: A002 - GitHub's own word
        created_at: datetime | None = None,
    ) -> Account:
        """Add an account; without an id it gets the next free one."""
        with self.lock:
            self._require_free_login(login)
            if id is None:
                while self._next_account_id in self._accounts:
                    self._next_account_id += 1
                id = self._next_account_id  # noqa: A001 - see above
                self._next_account_id += 1
            if id in self._accounts:
                raise ValueError(f"account id {id} is taken")
            account = Account(
                id=id,
                login=login,
                name=name,
                type=AccountType(type),
                created_at=created_at or datetime(2016, 5, 4, 12, 0, tzinfo=UTC),
            )
            self._accounts[id] = account
            self._logins[login.lower()] = account
            self._names[id] = {}
            return account

    def add_repository(
        self,
        account: Account,
        name: str,
        *,
        stargazers: int = 0,
        forks: int = 0,
        watchers: int = 0,
        private: bool = False,
        description: str | None = None,
        language: str | None = None,
        is_fork: bool = False,
        is_archived: bool = False,
        id: int | None = None,  # noqa: A002 - GitHub's own word
        series: Series | None = None,
        created_at: datetime | None = None,
    ) -> Repository:
        """Add a repository; its counters stand still unless a series is given."""
        with self.lock:
            self._require_free_name(account, name)
            if id is None:
                while self._next_repository_id in self._repositories:
                    self._next_repository_id += 1
                id = self._next_repository_id  # noqa: A001 - see above
                self._next_repository_id += 1
            if id in self._repositories:
                raise ValueError(f"repository id {id} is taken")
            repository = Repository(
                id=id,
                name=name,
                owner=account,
                is_fork=is_fork,
                is_archived=is_archived,
                created_at=created_at or datetime(2019, 3, 1, 9, 30, tzinfo=UTC),
                series=series or Constant(Counts(stargazers, forks, watchers)),
                private=private,
                description=description,
                language=language,
            )
            self._repositories[id] = repository
            self._claim_name(repository)
            self._record_standing(repository)
            return repository

    def add_collaborator(self, repository: Repository, account: Account) -> None:
        """Let an account collaborate in a repository that it does not own."""
        with self.lock:
            if account.id not in repository.collaborators:
                repository.collaborators.add(account.id)
                self._collaborations.setdefault(account.id, []).append(repository)

    def set_counts(
        self,
        repository: Repository,
        stargazers: int | None = None,
        forks: int | None = None,
        watchers: int | None = None,
    ) -> None:
        """Fix counters from the simulated day on; those not given keep following their series."""
        given = {"stargazers": stargazers, "forks": forks, "watchers": watchers}
        changes = {name: value for name, value in given.items() if value is not None}
        with self.lock:
            repository.overrides.append((self._since(), changes))
            self._today.pop(repository.id, None)

    def rename_account(self, account: Account, new_login: str) -> None:
        """Give an account a new login: the old one is free, its repositories redirect."""
        with self.lock:
            if new_login.lower() != account.login.lower():
                self._require_free_login(new_login)
            for repository in self._names[account.id].values():
                self._leave_redirect(repository)
            del self._logins[account.login.lower()]
            account.login = new_login
            self._logins[new_login.lower()] = account
            for repository in self._names[account.id].values():
                self._redirects.pop((new_login.lower(), repository.name.lower()), None)

    def rename_repository(self, repository: Repository, new_name: str) -> None:
        """Give a repository a new name: the old one redirects."""
        with self.lock:
            if new_name.lower() != repository.name.lower():
                self._require_free_name(repository.owner, new_name)
            self._release_name(repository)
            repository.name = new_name
            self._claim_name(repository)

    def transfer(self, repository: Repository, account: Account) -> None:
        """Hand a repository to another account: the old name redirects."""
        with self.lock:
            self._require_free_name(account, repository.name)
            self._release_name(repository)
            repository.owner = account
            self._claim_name(repository)
            self._record_standing(repository)

    def delete_account(self, account: Account) -> None:
        """Delete an account and all that it owns: its login is free for anyone."""
        with self.lock:
            for repository in list(self._names[account.id].values()):
                self.delete_repository(repository)
            del self._accounts[account.id]
            del self._logins[account.login.lower()]
            del self._names[account.id]

    def delete_repository(self, repository: Repository) -> None:
        """Delete a repository for good."""
        with self.lock:
            del self._names[repository.owner.id][repository.name.lower()]
            repository.deleted = True
            self._record_standing(repository)

    def hide_repository(self, repository: Repository) -> None:
        """Make a repository private."""
        with self.lock:
            repository.private = True
            self._record_standing(repository)

    def show_repository(self, repository: Repository) -> None:
        """Make a repository public."""
        with self.lock:
            repository.private = False
            self._record_standing(repository)

    def block_repository(
        self, repository: Repository, reason: str | None = BlockReason.DMCA
    ) -> None:
        """Block access to a repository, which stays listed; None lifts the block."""
        with self.lock:
            repository.block = BlockReason(reason) if reason else None
            self._record_standing(repository)

    def convert_to_organization(self, account: Account) -> None:
        """Turn a user into an organisation of the same id and login."""
        with self.lock:
            account.type = AccountType.ORGANIZATION

    def _counts_today(self, repository: Repository) -> Counts | None:
        if repository.id not in self._today:
            known = repository.standing_on(self._day) is not None
            self._today[repository.id] = repository.counts_on(self._day) if known else None
        return self._today[repository.id]

    def _since(self) -> date:
        return self._day if self._moved else date.min

    def _record_standing(self, repository: Repository) -> None:
        standing = Standing(
            owner_id=repository.owner.id,
            private=repository.private,
            deleted=repository.deleted,
            block=repository.block,
        )
        repository.standings.append((self._since(), standing))

    def _claim_name(self, repository: Repository) -> None:
        owner = repository.owner
        self._names[owner.id][repository.name.lower()] = repository
        self._redirects.pop((owner.login.lower(), repository.name.lower()), None)

    def _release_name(self, repository: Repository) -> None:
        del self._names[repository.owner.id][repository.name.lower()]
        self._leave_redirect(repository)

    def _leave_redirect(self, repository: Repository) -> None:
        key = repository.owner.login.lower(), repository.name.lower()
        self._redirects[key] = repository

    def _require_free_login(self, login: str) -> None:
        if login.lower() in self._logins:
            raise ValueError(f"login {login!r} is taken")

    def _require_free_name(self, account: Account, name: str) -> None:
        if name.lower() in self._names[account.id]:
            raise ValueError(f"repository {account.login}/{name} exists")
