"""The world behind the simulated GitHub: accounts, repositories and their counters by day.

What is added before the simulated day first changes was always there. Later changes take effect on
the day on which they are made; earlier days stay as they were.
"""

import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path

from simulator import recorded, synthetic
from simulator.entities import (
    MORNING,
    Account,
    AccountType,
    BlockReason,
    Constant,
    Counts,
    Repository,
    Series,
    Standing,
    Truth,
)
from simulator.repository_names import RepositoryNames
from simulator.star_log import StarLog

FIRST_ACCOUNT_ID = 41_000_001
FIRST_REPOSITORY_ID = 710_000_001


class World:
    """Accounts and repositories, safe to change while another thread serves them."""

    def __init__(self, day: date | None = None) -> None:
        self.lock = threading.RLock()
        self.viewer: Account | None = None
        """The user of every token, if the simulator was given no tokens."""
        self._day = day or datetime.now(UTC).date()
        self._time = MORNING
        self._moved = False
        self._accounts: dict[int, Account] = {}
        self._logins: dict[str, Account] = {}
        self._repositories: dict[int, Repository] = {}
        self._names = RepositoryNames()
        self._collaborations: dict[int, list[Repository]] = {}
        self._today: dict[int, Counts | None] = {}
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
        """Make up a world, the same for the same arguments; see `synthetic.populate`."""
        world = cls(day=day)
        synthetic.populate(world, seed=seed, accounts=accounts, sizes=sizes, large_ids=large_ids)
        return world

    @classmethod
    def recorded(
        cls, path: str | Path, day: date | None = None, accounts: int | None = None
    ) -> "World":
        """Make a world that replays real counters; see `recorded.populate`."""
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

    @property
    def now(self) -> datetime:
        """The simulated day and time; stars that have their own times are counted by it."""
        return datetime.combine(self._day, self._time, UTC)

    def set_time(self, at: time) -> None:
        """Set the time of the simulated day, in UTC."""
        with self.lock:
            self._time = at
            self._today.clear()

    # Reading

    @property
    def accounts(self) -> list[Account]:
        """All accounts that exist now, by id."""
        with self.lock:
            return sorted(self._accounts.values(), key=lambda account: account.id)

    def account(self, login: str) -> Account | None:
        """Return the account that has this login now, in any case, unless it is hidden."""
        account = self._logins.get(login.lower())
        return None if account is None or account.hidden else account

    def account_by_id(self, account_id: int) -> Account | None:
        """Return the account with this id, unless it was deleted or is hidden."""
        account = self._accounts.get(account_id)
        return None if account is None or account.hidden else account

    def repository(self, owner: str, name: str) -> Repository | None:
        """Return the repository that has this name now, in any case."""
        account = self.account(owner)
        if account is None:
            return None
        repository = self._names.find(account, name)
        return repository if repository and self.exists(repository) else None

    def repository_by_id(self, repository_id: int) -> Repository | None:
        """Return the repository with this id if it exists on the simulated day."""
        repository = self._repositories.get(repository_id)
        return repository if repository and self.exists(repository) else None

    def redirect(self, owner: str, name: str) -> Repository | None:
        """Return the repository that had this name before it was renamed or transferred."""
        repository = self._names.former(owner, name)
        return repository if repository and self.exists(repository) else None

    def repositories(self, account: Account | None = None) -> list[Repository]:
        """Return the repositories that exist on the simulated day: of one account, or all."""
        with self.lock:
            every: Iterable[Repository] = (
                self._repositories.values() if account is None else self._names.of(account)
            )
            return [repository for repository in every if self.exists(repository)]

    def collaborations(self, account: Account) -> list[Repository]:
        """Return the repositories of others in which the account collaborates."""
        with self.lock:
            shared = self._collaborations.get(account.id, ())
            return [r for r in shared if self.exists(r) and r.owner is not account]

    def exists(self, repository: Repository) -> bool:
        """Whether a repository exists on the simulated day, and its owner is not hidden."""
        return (
            not repository.deleted
            and not repository.owner.hidden
            and self._counts_today(repository) is not None
        )

    def name_is_free(self, account: Account, name: str) -> bool:
        """Whether an account could add a repository of this name."""
        return self._names.find(account, name) is None

    def id_is_free(self, repository_id: int) -> bool:
        """Whether no repository has or had this id."""
        return repository_id not in self._repositories

    def counts(self, repository_id: int) -> Counts:
        """Return the counters of a repository on the simulated day."""
        counts = self._counts_today(self._repositories[repository_id])
        if counts is None:
            raise KeyError(repository_id)
        return counts

    def truth(self, day: date | None = None) -> dict[int, Truth]:
        """Return what a recorder should have stored for a day: each public repository by its id.

        Blocked repositories are left out. The last change of a day counts for the whole day.
        """
        day = day or self._day
        found = {}
        with self.lock:
            for repository in self._repositories.values():
                standing = repository.standing_on(day)
                counts = repository.counts_on(day, self._time)
                if standing is None or counts is None:
                    continue
                if standing.deleted or standing.private or standing.block or standing.hidden:
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
            self._names.add_account(account)
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
        internal: bool = False,
        description: str | None = None,
        language: str | None = None,
        is_fork: bool = False,
        is_archived: bool = False,
        id: int | None = None,  # noqa: A002 - GitHub's own word
        series: Series | None = None,
        stars: StarLog | None = None,
        created_at: datetime | None = None,
    ) -> Repository:
        """Add a repository; its counters stand still unless a series or a log of stars is given."""
        with self.lock:
            self._names.require_free(account, name)
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
                stars=stars,
                private=private or internal,
                internal=internal,
                description=description,
                language=language,
            )
            self._repositories[id] = repository
            self._names.claim(repository)
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
        """Fix counters from the simulated day on; those not given follow their series.

        :raise ValueError: stars are given, and the repository has a log of them
        """
        if stargazers is not None and repository.stars is not None:
            raise ValueError(f"the stars of {repository.full_name} follow from their log")
        given = {"stargazers": stargazers, "forks": forks, "watchers": watchers}
        changes = {name: value for name, value in given.items() if value is not None}
        with self.lock:
            repository.overrides.append((self._since(), changes))
            self._today.pop(repository.id, None)

    def rename_account(self, account: Account, new_login: str) -> None:
        """Give an account a new login: the old one becomes free, its repositories redirect."""
        with self.lock:
            if new_login.lower() != account.login.lower():
                self._require_free_login(new_login)
            self._names.rename_account(account, new_login)
            del self._logins[account.login.lower()]
            account.login = new_login
            self._logins[new_login.lower()] = account

    def rename_repository(self, repository: Repository, new_name: str) -> None:
        """Give a repository a new name: the old one redirects."""
        with self.lock:
            if new_name.lower() != repository.name.lower():
                self._names.require_free(repository.owner, new_name)
            self._names.release(repository)
            repository.name = new_name
            self._names.claim(repository)

    def transfer(self, repository: Repository, account: Account) -> None:
        """Transfer a repository to another account: the old name redirects."""
        with self.lock:
            self._names.require_free(account, repository.name)
            self._names.release(repository)
            repository.owner = account
            self._names.claim(repository)
            self._record_standing(repository)

    def delete_account(self, account: Account) -> None:
        """Delete an account and its repositories: its login becomes free."""
        with self.lock:
            for repository in self._names.of(account):
                self.delete_repository(repository)
            del self._accounts[account.id]
            del self._logins[account.login.lower()]
            self._names.remove_account(account)

    def delete_repository(self, repository: Repository) -> None:
        """Delete a repository for good."""
        with self.lock:
            self._names.remove(repository)
            repository.deleted = True
            self._record_standing(repository)

    def hide_account(self, account: Account, *, hidden: bool = True) -> None:
        """Answer 404 for an account and all that is its, as GitHub does with a flagged one."""
        with self.lock:
            account.hidden = hidden
            for repository in self._names.of(account):
                self._record_standing(repository)

    def hide_repository(self, repository: Repository) -> None:
        """Make a repository private, and no more internal."""
        with self.lock:
            repository.private, repository.internal = True, False
            self._record_standing(repository)

    def show_repository(self, repository: Repository) -> None:
        """Make a repository public."""
        with self.lock:
            repository.private = repository.internal = False
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
            self._today[repository.id] = (
                repository.counts_on(self._day, self._time) if known else None
            )
        return self._today[repository.id]

    def _since(self) -> date:
        return self._day if self._moved else date.min

    def _record_standing(self, repository: Repository) -> None:
        standing = Standing(
            owner_id=repository.owner.id,
            private=repository.private,
            deleted=repository.deleted,
            block=repository.block,
            hidden=repository.owner.hidden,
        )
        repository.standings.append((self._since(), standing))

    def _require_free_login(self, login: str) -> None:
        if login.lower() in self._logins:
            raise ValueError(f"login {login!r} is taken")
