"""Which repository has which name, and where former names lead."""

from simulator.entities import Account, Repository


class RepositoryNames:
    """The names of all repositories, in any case of letters, and redirects from former ones."""

    def __init__(self) -> None:
        self._owned: dict[int, dict[str, Repository]] = {}
        self._redirects: dict[tuple[str, str], Repository] = {}

    def add_account(self, account: Account) -> None:
        """Let an account own repositories."""
        self._owned[account.id] = {}

    def remove_account(self, account: Account) -> None:
        """Forget an account, which owns nothing any more."""
        del self._owned[account.id]

    def of(self, account: Account) -> list[Repository]:
        """Return the repositories that an account owns; none if it was deleted."""
        return list(self._owned.get(account.id, {}).values())

    def find(self, account: Account, name: str) -> Repository | None:
        """Return the repository of an account that has this name now."""
        return self._owned[account.id].get(name.lower())

    def former(self, owner: str, name: str) -> Repository | None:
        """Return the repository that had this name before it was renamed or transferred."""
        return self._redirects.get((owner.lower(), name.lower()))

    def require_free(self, account: Account, name: str) -> None:
        """Raise ValueError if the account has a repository of this name."""
        if self.find(account, name):
            raise ValueError(f"repository {account.login}/{name} exists")

    def claim(self, repository: Repository) -> None:
        """Give a repository its name, which no longer redirects."""
        owner = repository.owner
        self._owned[owner.id][repository.name.lower()] = repository
        self._redirects.pop((owner.login.lower(), repository.name.lower()), None)

    def release(self, repository: Repository) -> None:
        """Take a repository's name before it gets another: from then on it redirects."""
        self.remove(repository)
        self._redirect(repository)

    def remove(self, repository: Repository) -> None:
        """Take the name of a repository that is deleted: it leads nowhere."""
        del self._owned[repository.owner.id][repository.name.lower()]

    def rename_account(self, account: Account, new_login: str) -> None:
        """Redirect from the names that an account's repositories have before it is renamed."""
        for repository in self.of(account):
            self._redirect(repository)
            self._redirects.pop((new_login.lower(), repository.name.lower()), None)

    def _redirect(self, repository: Repository) -> None:
        key = repository.owner.login.lower(), repository.name.lower()
        self._redirects[key] = repository
