"""GitHub's REST API: accounts by id, lists of repositories, and single repositories.

Lists carry stars and forks and no watchers (``watchers_count`` is the stars again); the true
number,
``subscribers_count``, is in the single repository alone. So without a token a scan lists first,
then looks at each repository, as many as the hour allows, and goes on in the next hour where it
stopped.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from common.repositories import KnownRepository, SeenRepository
from worker.github.answers import Answer, Meaning
from worker.github.errors import Blocked, Gone, Limited, TryAgain
from worker.github.observation import (
    Account,
    Observation,
    Target,
    clean_name,
    read_counts,
    read_id,
)
from worker.github.transport import Transport

_MOST_PAGES = 1000


class Rest:
    """The calls of the REST API that we use."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def account(self, user_id: int, *, is_load: bool = False) -> Account:
        """Return the account with this id, whatever its login is now.

        :raise Gone: GitHub has no such account, or hides it
        """
        return self._account(self._get(f"/user/{user_id}", is_load=is_load))

    def find_account(self, login: str, *, is_load: bool = False) -> Account:
        """Return the account that bears this login now.

        :raise Gone: nobody does
        """
        return self._account(self._get(f"/users/{quote(login, safe='')}", is_load=is_load))

    def repository(
        self, repository_id: int, *, is_load: bool = False
    ) -> tuple[SeenRepository, int] | None:
        """Look at one repository by its id.

        :return: the repository and its owner's id; None where it is private or shows no true counts
        :raise Gone: there is none, or it is hidden
        """
        return _full_repository(self._get(f"/repositories/{repository_id}", is_load=is_load))

    def find_repository(
        self, login: str, name: str, *, is_load: bool = False
    ) -> tuple[SeenRepository, int] | None:
        """Look at one repository by its owner's login and its name; as ``repository``."""
        path = f"/repos/{quote(login, safe='')}/{quote(name, safe='')}"
        return _full_repository(self._get(path, is_load=is_load))

    def observe(self, target: Target) -> Observation:
        """Look at an account: what it is now, its list, and each repository without a row today.

        :raise Gone: GitHub shows no such account
        :raise Limited: before anything was seen
        """
        if target.expected is not None:
            # Listed earlier today, then the hour was over.
            return self._look_at(target, Observation(expected=target.expected), _remaining(target))
        account = self.account(target.user_id, is_load=target.is_load)
        try:
            seen = tuple(self._list(account, is_load=target.is_load))
        except Limited as limit:
            return Observation(account=account, wait=limit.wait)
        shortfalls: tuple[str, ...] = ()
        if account.repositories is not None and len(seen) < account.repositories:
            shortfalls = (
                f"GitHub counts {account.repositories} repositories and lists {len(seen)}",
            )
        observation = Observation(
            account=account, seen=seen, expected=len(seen), shortfalls=shortfalls
        )
        recorded = {known.id for known in target.known if known.is_recorded_today}
        listed_ids = {repository.id for repository in seen}
        todo = [repository.id for repository in seen if repository.id not in recorded]
        # Known and not listed: a look at the repository itself says whether it is gone.
        todo += [known.id for known in target.known if known.id not in listed_ids]
        return self._look_at(target, observation, todo)

    def count(
        self, target: Target, repository_ids: Iterable[int]
    ) -> tuple[list[SeenRepository], list[int], list[str], float | None]:
        """Look at repositories one by one, as far as the hour goes.

        :return: what was seen, the ids that are not this owner's any more, why others were not
            counted, and the seconds to wait before going on (None where all were looked at)
        """
        seen: list[SeenRepository] = []
        gone: list[int] = []
        shortfalls: list[str] = []
        for repository_id in repository_ids:
            try:
                found = self.repository(repository_id, is_load=target.is_load)
            except Limited as limit:
                return seen, gone, shortfalls, limit.wait
            except Gone:
                gone.append(repository_id)
                continue
            except (Blocked, TryAgain) as error:
                shortfalls.append(f"repository {repository_id}: {error}")
                continue
            if found is None:
                shortfalls.append(f"repository {repository_id}: GitHub showed no usable counts")
            elif found[1] != target.user_id:
                gone.append(repository_id)
            else:
                seen.append(found[0])
        return seen, gone, shortfalls, None

    def _look_at(
        self, target: Target, listing: Observation, repository_ids: list[int]
    ) -> Observation:
        seen, gone, shortfalls, wait = self.count(target, repository_ids)
        counted = {repository.id for repository in seen}
        return Observation(
            account=listing.account,
            seen=(*seen, *(item for item in listing.seen if item.id not in counted)),
            expected=listing.expected,
            gone=tuple(gone),
            shortfalls=(*listing.shortfalls, *shortfalls),
            wait=wait,
        )

    def _list(self, account: Account, *, is_load: bool) -> list[SeenRepository]:
        listed: dict[int, SeenRepository] = {}
        answer = self._transport.get(
            f"/users/{quote(account.login, safe='')}/repos",
            # By name: an order by activity moves repositories between pages while they are read.
            {"type": "owner", "sort": "full_name", "per_page": 100},
            is_load=is_load,
        )
        for _ in range(_MOST_PAGES):
            data = answer.usable()
            if not isinstance(data, list):
                raise TryAgain("a list of repositories is no list")
            for item in data:
                read = _listed_repository(item, account.id)
                if read is not None:
                    listed[read.id] = read
            if answer.next_page is None:
                return list(listed.values())
            answer = self._transport.get(answer.next_page, is_load=is_load)
        raise TryAgain("a list of repositories without an end")

    def _get(self, path: str, *, is_load: bool) -> dict[str, Any]:
        """Ask for one object, following at most one redirect."""
        answer: Answer = self._transport.get(path, is_load=is_load)
        if answer.meaning is Meaning.MOVED and answer.location is not None:
            answer = self._transport.get(answer.location, is_load=is_load)
            if answer.meaning is Meaning.MOVED:
                raise TryAgain("redirected in a circle")
        data = answer.usable()
        if not isinstance(data, dict):
            raise TryAgain("GitHub answered with a list where one object was asked for")
        return data

    @staticmethod
    def _account(data: dict[str, Any]) -> Account:
        account_id, login, node_id = read_id(data.get("id")), data.get("login"), data.get("node_id")
        if account_id is None or not isinstance(login, str) or not isinstance(node_id, str):
            raise TryAgain("GitHub showed an account without id or login")
        repositories = data.get("public_repos")
        return Account(
            id=account_id,
            login=login,
            name=clean_name(data.get("name"), login),
            node_id=node_id,
            repositories=repositories if type(repositories) is int else None,
        )


def _remaining(target: Target) -> list[int]:
    def is_left(known: KnownRepository) -> bool:
        return known.is_listed_today and not known.is_recorded_today

    return [known.id for known in target.known if is_left(known)]


def _listed_repository(item: Any, owner_id: int) -> SeenRepository | None:
    """Read an item of a list; None for what is private, another owner's or not readable."""
    if not isinstance(item, dict) or item.get("private") is not False:
        return None
    owner = item.get("owner")
    repository_id = read_id(item.get("id"))
    if not isinstance(owner, dict) or owner.get("id") != owner_id or repository_id is None:
        return None
    return SeenRepository(
        id=repository_id,
        name=clean_name(item.get("name"), str(repository_id)),
        node_id=item.get("node_id") if isinstance(item.get("node_id"), str) else None,
        is_fork=item.get("fork") is True,
        is_archived=item.get("archived") is True,
        counts=None,
    )


def _full_repository(data: dict[str, Any]) -> tuple[SeenRepository, int] | None:
    owner = data.get("owner")
    owner_id = read_id(owner.get("id")) if isinstance(owner, dict) else None
    if owner_id is None:
        return None
    listed = _listed_repository(data, owner_id)
    counts = read_counts(
        data.get("stargazers_count"), data.get("forks_count"), data.get("subscribers_count")
    )
    if listed is None or counts is None:
        return None
    return replace(listed, counts=counts), owner_id
