"""GitHub's REST API: accounts by id, lists of repositories, and single repositories.

Lists have stars and forks but no watchers (``watchers_count`` is the stars again); the true number,
``subscribers_count``, is in the single repository only. So without a token a scan lists first, then
reads each repository, as many as the hour allows, and continues in the next hour where it stopped.
"""

import random
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from common.repositories import KnownRepository, SeenRepository
from worker.github.errors import (
    Blocked,
    CredentialsRefused,
    Gone,
    Limited,
    QueryWrong,
    TryAgain,
)
from worker.github.meaning import Answer, Meaning, shortfall
from worker.github.observation import (
    Account,
    Observation,
    Shortfall,
    Target,
    clean_name,
    read_counts,
    read_id,
    read_line,
    read_login,
    read_total,
    read_word,
)
from worker.github.policies import SHARE_SECONDS
from worker.github.transport import Transport

_MAX_PAGES = 1000

_MAX_SECONDS = 300.0
"""Of one scan, for single repositories; the rest follows in the next scan."""

_MAX_FAILURES = 3
"""Unusable answers in a row after which no more repositories are requested."""


@dataclass(slots=True)
class Counted:
    """What was found by reading repositories one by one.

    :param gone: ids that are not this owner's any more
    :param shortfalls: why others were not counted
    :param wait: seconds to wait before continuing; None if all were read
    """

    seen: list[SeenRepository] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    shortfalls: list[Shortfall] = field(default_factory=list)
    wait: float | None = None


class Rest:
    """The calls of the REST API that we use.

    :param now: seconds of any clock that never goes back
    """

    def __init__(self, transport: Transport, *, now: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._now = now

    def account(self, user_id: int, *, is_load: bool = False) -> Account:
        """Return the account with this id, whatever its login is now.

        :raise Gone: GitHub has no such account, or hides it
        """
        return self._account(self._get(f"/user/{user_id}", is_load=is_load))

    def find_account(self, login: str, *, is_load: bool = False) -> Account:
        """Return the account that has this login now.

        :raise Gone: no account has it
        """
        return self._account(self._get(f"/users/{quote(login, safe='')}", is_load=is_load))

    def repository(
        self, repository_id: int, *, is_load: bool = False
    ) -> tuple[SeenRepository, int] | None:
        """Read one repository by its id.

        :return: the repository and its owner's id; None if it is not public or has no valid counts
        :raise Gone: GitHub has no such repository, or hides it
        """
        return _full_repository(self._get(f"/repositories/{repository_id}", is_load=is_load))

    def is_public(self, repository_id: int) -> bool:
        """Return whether GitHub shows a repository, and shows it to everybody."""
        try:
            answer = self._transport.get(f"/repositories/{repository_id}", is_background=True)
            data = answer.usable()
        except Gone:
            return False
        return isinstance(data, dict) and _full_repository(data) is not None

    def find_repository(
        self, login: str, name: str, *, is_load: bool = False
    ) -> tuple[SeenRepository, int] | None:
        """Read one repository by its owner's login and its name, as ``repository`` does."""
        path = f"/repos/{quote(login, safe='')}/{quote(name, safe='')}"
        return _full_repository(self._get(path, is_load=is_load))

    def observe(self, target: Target, *, share: int | None = None) -> Observation:
        """Read an account, its list, and each repository without a row today.

        :param share: how many repositories may be read now; the others follow in an hour
        :raise Gone: GitHub shows no such account
        :raise Limited: no request was allowed before anything was seen
        """
        if target.expected is not None:
            # Listed earlier today, when a limit stopped the scan.
            left = _remaining(target)
            listing = Observation(expected=target.expected)
            return self._look_at(target, listing, left, listed=left, share=share)
        account = self.account(target.user_id, is_load=target.is_load)
        try:
            listed = self._list(account, is_load=target.is_load)
            if account.repositories is not None and len(listed) < account.repositories:
                # GitHub has returned lists that end before their own count: once more.
                listed |= self._list(account, is_load=target.is_load)
        except (Limited, CredentialsRefused) as pause:
            return Observation(account=account, shortfalls=(shortfall(pause),), wait=pause.wait)
        except (Gone, Blocked, TryAgain, QueryWrong) as error:
            unlisted = shortfall(error, of="GitHub shows the account and not its repositories")
            return Observation(account=account, shortfalls=(unlisted,))
        observation = Observation(account, tuple(listed.values()), expected=len(listed))
        if account.repositories is not None and len(listed) < account.repositories:
            fewer = Shortfall(
                f"GitHub counts {account.repositories} repositories and lists {len(listed)}"
            )
            observation = replace(observation, expected=None, shortfalls=(fewer,))
        recorded = {known.id for known in target.known if known.is_recorded_today}
        todo = [repository_id for repository_id in listed if repository_id not in recorded]
        # Known and not listed: the repository itself says whether it is gone.
        todo += [known.id for known in target.known if known.id not in listed]
        return self._look_at(target, observation, todo, listed=listed, share=share)

    def count(
        self, target: Target, repository_ids: Iterable[int], *, listed: Collection[int]
    ) -> Counted:
        """Read repositories one by one, until a limit or the time for it ends.

        They are read in random order: a few that always fail, and so end each attempt, do not keep
        the same others from being read all day.

        :param listed: repositories that GitHub listed just now, so that a 404 is a mistake
        :raise PolicyRefusal: the owner's policy refuses our credential
        """
        counted = Counted()
        ends, failures = self._now() + _MAX_SECONDS, 0
        todo = list(repository_ids)
        random.shuffle(todo)
        for index, repository_id in enumerate(todo):
            if self._now() > ends:
                counted.wait = 1.0
                break
            if failures >= _MAX_FAILURES:
                counted.shortfalls.append(
                    Shortfall(f"{len(todo) - index} more repositories were not read")
                )
                break
            try:
                found = self.repository(repository_id, is_load=target.is_load)
            except (Limited, CredentialsRefused) as pause:
                counted.shortfalls.append(shortfall(pause))
                counted.wait = pause.wait
                break
            except TryAgain as error:
                failures += 1
                counted.shortfalls.append(shortfall(error, of=f"repository {repository_id}"))
                continue
            except Gone as gone:
                if repository_id in listed:
                    counted.shortfalls.append(
                        shortfall(gone, of=f"repository {repository_id} is listed")
                    )
                else:
                    counted.gone.append(repository_id)
                continue
            except (Blocked, QueryWrong) as error:
                counted.shortfalls.append(shortfall(error, of=f"repository {repository_id}"))
                continue
            failures = 0
            if found is None:
                counted.shortfalls.append(
                    Shortfall(f"repository {repository_id}: GitHub showed no usable counts")
                )
            elif found[1] != target.user_id:
                counted.gone.append(repository_id)
            else:
                counted.seen.append(found[0])
        return counted

    def _look_at(
        self,
        target: Target,
        listing: Observation,
        repository_ids: list[int],
        *,
        listed: Collection[int],
        share: int | None,
    ) -> Observation:
        chosen = repository_ids if share is None else _choose(repository_ids, share)
        counts = self.count(target, chosen, listed=listed)
        if len(chosen) < len(repository_ids) and counts.wait is None:
            counts.wait = SHARE_SECONDS
        settled = {repository.id for repository in counts.seen} | set(counts.gone)
        left = tuple(item for item in listing.seen if item.id not in settled)
        expected = listing.expected
        if expected is not None:
            # Some changed owners after they were listed and before they were read.
            expected -= len(set(listed).intersection(counts.gone))
        return Observation(
            account=listing.account,
            seen=(*counts.seen, *left),
            expected=expected,
            gone=tuple(counts.gone),
            shortfalls=(*listing.shortfalls, *counts.shortfalls),
            wait=counts.wait,
        )

    def _list(self, account: Account, *, is_load: bool) -> dict[int, SeenRepository]:
        listed: dict[int, SeenRepository] = {}
        answer = self._follow(
            f"/users/{quote(account.login, safe='')}/repos",
            # By name: sorted by activity, repositories move between pages while they are read.
            {"type": "owner", "sort": "full_name", "per_page": 100},
            is_load=is_load,
        )
        for _ in range(_MAX_PAGES):
            data = answer.usable()
            if not isinstance(data, list):
                raise TryAgain("a list of repositories is not a list")
            for item in data:
                read = _listed_repository(item, account.id)
                if read is not None:
                    listed[read.id] = read
            if answer.next_page is None:
                return listed
            answer = self._follow(answer.next_page, is_load=is_load)
        raise TryAgain("endless list of repositories")

    def _get(self, path: str, *, is_load: bool) -> dict[str, Any]:
        data = self._follow(path, is_load=is_load).usable()
        if not isinstance(data, dict):
            raise TryAgain("GitHub answered with a list instead of one object")
        return data

    def _follow(
        self, path: str, parameters: dict[str, str | int] | None = None, *, is_load: bool
    ) -> Answer:
        """Request one resource, following at most one redirect."""
        answer = self._transport.get(path, parameters, is_load=is_load)
        if answer.meaning is Meaning.MOVED and answer.location is not None:
            answer = self._transport.get(answer.location, is_load=is_load)
            if answer.meaning is Meaning.MOVED:
                raise TryAgain("redirect loop")
        return answer

    @staticmethod
    def _account(data: dict[str, Any]) -> Account:
        account_id = read_id(data.get("id"))
        login, node_id = read_login(data.get("login")), read_word(data.get("node_id"))
        if account_id is None or login is None or node_id is None:
            raise TryAgain("GitHub showed an account without id or login")
        return Account(
            id=account_id,
            login=login,
            name=clean_name(data.get("name"), login),
            node_id=node_id,
            repositories=read_total(data.get("public_repos")),
        )


def _choose(repository_ids: list[int], share: int) -> list[int]:
    """Return a share of some repositories.

    Most are the first ones, so that the same have a row each day if not all can be read; the others
    are chosen at random, so that repositories that always fail do not take the whole share.
    """
    first, others = repository_ids[: share * 3 // 4], repository_ids[share * 3 // 4 :]
    return first + random.sample(others, min(share - len(first), len(others)))


def _remaining(target: Target) -> list[int]:
    def is_left(known: KnownRepository) -> bool:
        return known.is_listed_today and not known.is_recorded_today

    return [known.id for known in target.known if is_left(known)]


def _listed_repository(item: Any, owner_id: int) -> SeenRepository | None:
    """Return an item of a list; None if it is not clearly public, another owner's or unreadable."""
    if not isinstance(item, dict) or item.get("private") is not False:
        return None
    if item.get("visibility", "public") != "public":
        # An internal one, which all members of an enterprise see, is private too
        # (hub4j/github-api#932); this does not rely on it.
        return None
    owner = item.get("owner")
    repository_id = read_id(item.get("id"))
    if not isinstance(owner, dict) or owner.get("id") != owner_id or repository_id is None:
        return None
    return SeenRepository(
        id=repository_id,
        name=clean_name(item.get("name"), str(repository_id)),
        node_id=read_word(item.get("node_id")),
        is_fork=item.get("fork") is True,
        is_archived=item.get("archived") is True,
        counts=None,
        description=read_line(item.get("description")),
        language=read_line(item.get("language")),
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
