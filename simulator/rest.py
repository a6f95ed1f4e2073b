"""GitHub's REST API: the endpoints that return accounts, repositories and limits."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlencode

from simulator import policies
from simulator.credentials import CredentialKind, Credentials
from simulator.entities import Account, AccountType, BlockReason, Counts, Repository
from simulator.faults import FaultKind
from simulator.limits import Allowance, RateStatus, Resource
from simulator.messages import Answer, Call, timestamp
from simulator.node_ids import NodeType, encode
from simulator.paging import link_header, positive
from simulator.star_history import weeks
from simulator.world import World

DEFAULT_VERSION = "2022-11-28"
REDIRECTS = "https://docs.github.com/v3/#http-redirects"

MOST_WEEKS = 30
LAST_HISTORY_PAGE = 100

Handler = Callable[..., Answer]


class RestApi:
    """Answers REST calls from a world. The caller holds the world's lock."""

    def __init__(self, world: World, credentials: Credentials) -> None:
        self._world = world
        self._credentials = credentials
        segment = r"([^/]+)"
        number = r"(\d+)"
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (method, re.compile(pattern), handler)
            for method, pattern, handler in (
                ("GET", f"/users/{segment}", self._user),
                ("GET", f"/user/{number}", self._user_by_id),
                ("GET", f"/users/{segment}/repos", self._repositories_of_user),
                ("GET", f"/user/{number}/repos", self._repositories_by_id),
                ("GET", f"/orgs/{segment}", self._organization),
                ("GET", f"/orgs/{segment}/repos", self._repositories_of_organization),
                ("GET", f"/organizations/{number}/repos", self._repositories_by_id),
                ("GET", f"/repos/{segment}/{segment}", self._repository),
                ("GET", f"/repositories/{number}", self._repository_by_id),
                ("GET", f"/repos/{segment}/{segment}/(stargazers|subscribers)", self._closed_list),
                ("GET", f"/repos/{segment}/{segment}/stargazers/count", self._stargazers_count),
                ("GET", f"/repos/{segment}/{segment}/stargazers/history", self._history),
                ("GET", f"/repositories/{number}/stargazers/history", self._history_by_id),
                ("POST", f"/app/installations/{number}/access_tokens", self._access_token),
            )
        ]

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(call.path)
            if match and method == ("GET" if call.method == "HEAD" else call.method):
                return handler(call, *(unquote(part) for part in match.groups()))
        return not_found()

    def rate_limit(self, call: Call, allowance: Allowance) -> Answer:
        """Answer `/rate_limit`."""
        resources = {
            str(resource): _rate(allowance.status(resource, call.now)) for resource in Resource
        }
        content: dict[str, Any] = {"resources": resources}
        if call.version == "2022-11-28":
            content["rate"] = resources["core"]
        return Answer.json(content)

    # Accounts

    def _user(self, call: Call, login: str) -> Answer:
        account = self._world.account(login)
        return not_found() if account is None else self._full_account(call, account)

    def _user_by_id(self, call: Call, number: str) -> Answer:
        account = self._world.account_by_id(int(number))
        return not_found() if account is None else self._full_account(call, account)

    def _organization(self, call: Call, login: str) -> Answer:
        account = self._world.account(login)
        if account is None or account.type is not AccountType.ORGANIZATION:
            return not_found()
        return self._full_account(call, account)

    def _full_account(self, call: Call, account: Account) -> Answer:
        if (refused := policies.refusal(call, account)) is not None:
            return refused
        login, name = account.login, account.name
        for fault in call.faults:
            if fault.kind is FaultKind.NAME and fault.repository is None:
                if fault.login not in {None, account.login}:
                    continue
                if fault.field == "login":
                    login = fault.text or ""
                else:
                    name = fault.text
        public = [r for r in self._world.repositories(account) if not r.private]
        content = {
            **_simple_account(call, account),
            "login": login,
            "name": name,
            "company": None,
            "blog": "",
            "location": None,
            "email": None,
            "bio": None,
            "public_repos": len(public),
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": timestamp(account.created_at),
            "updated_at": timestamp(account.created_at),
        }
        return Answer.json(content)

    # Lists

    def _repositories_of_user(self, call: Call, login: str) -> Answer:
        account = self._world.account(login)
        return not_found() if account is None else self._list(call, account)

    def _repositories_of_organization(self, call: Call, login: str) -> Answer:
        account = self._world.account(login)
        if account is None or account.type is not AccountType.ORGANIZATION:
            return not_found()
        return self._list(call, account)

    def _repositories_by_id(self, call: Call, number: str) -> Answer:
        account = self._world.account_by_id(int(number))
        return not_found() if account is None else self._list(call, account)

    def _list(self, call: Call, account: Account) -> Answer:
        if (refused := policies.refusal(call, account)) is not None:
            return refused
        found = [
            r
            for r in self._of_type(call, account)
            if not r.private or (r.internal and call.credential.sees(r))
        ]
        sort = call.query.get("sort", "full_name")
        direction = call.query.get("direction", "asc" if sort == "full_name" else "desc")
        if sort == "full_name":
            found.sort(key=lambda r: r.full_name.lower())
        else:
            found.sort(key=lambda r: (r.created_at, r.id))
        if direction == "desc":
            found.reverse()
        size = min(positive(call.query.get("per_page"), 30), 100)
        page = positive(call.query.get("page"), 1)
        last = max(1, -(-len(found) // size))
        items = [
            self._minimal_repository(call, repository)
            for repository in found[(page - 1) * size : page * size]
        ]
        headers = {}
        ends_early = any(fault.kind is FaultKind.NO_NEXT_PAGE for fault in call.faults)
        link = "" if ends_early else link_header(call, account, page, last)
        if link:
            headers["link"] = link
        return Answer.json(items, headers=headers)

    def _of_type(self, call: Call, account: Account) -> list[Repository]:
        owned = self._world.repositories(account)
        wanted = call.query.get("type")
        if account.type is AccountType.ORGANIZATION and wanted == "forks":
            return [r for r in owned if r.is_fork]
        if account.type is AccountType.ORGANIZATION and wanted == "sources":
            return [r for r in owned if not r.is_fork]
        if account.type is AccountType.USER and wanted in {"all", "member"}:
            elsewhere = self._world.collaborations(account)
            return elsewhere if wanted == "member" else owned + elsewhere
        return owned

    # Repositories

    def _repository(self, call: Call, owner: str, name: str) -> Answer:
        repository = self._world.repository(owner, name)
        if repository is None:
            moved = self._world.redirect(owner, name)
            if moved is None or not call.credential.sees(moved):
                return not_found()
            return moved_permanently(f"{call.base}/repositories/{moved.id}")
        return self._full_repository(call, repository)

    def _repository_by_id(self, call: Call, number: str) -> Answer:
        repository = self._world.repository_by_id(int(number))
        return not_found() if repository is None else self._full_repository(call, repository)

    def _full_repository(self, call: Call, repository: Repository) -> Answer:
        if (refused := policies.refusal(call, repository.owner)) is not None:
            return refused
        if not call.credential.sees(repository):
            return not_found()
        if repository.block is not None:
            return blocked(repository.block)
        content = self._minimal_repository(call, repository)
        counts = self._counts(call, repository)
        content["network_count"] = counts.forks
        content["subscribers_count"] = counts.watchers
        if repository.owner.type is AccountType.ORGANIZATION:
            content["organization"] = content["owner"]
        return Answer.json(content)

    def _minimal_repository(self, call: Call, repository: Repository) -> dict[str, Any]:
        counts = self._counts(call, repository)
        name = self._name(call, repository)
        full_name = f"{repository.owner.login}/{name}"
        content = {
            "id": repository.id,
            "node_id": encode(NodeType.REPOSITORY, repository.id, _forces_new_ids(call)),
            "name": name,
            "full_name": full_name,
            "private": repository.private,
            "owner": _simple_account(call, repository.owner),
            "html_url": f"{call.pages}/{full_name}",
            "description": repository.description,
            "fork": repository.is_fork,
            "url": f"{call.base}/repos/{full_name}",
            "created_at": timestamp(repository.created_at),
            "updated_at": timestamp(repository.created_at),
            "pushed_at": timestamp(repository.created_at),
            "homepage": None,
            "size": 108,
            "stargazers_count": counts.stargazers,
            "watchers_count": counts.stargazers,
            "language": repository.language,
            "has_issues": True,
            "forks_count": counts.forks,
            "archived": repository.is_archived,
            "disabled": False,
            "open_issues_count": 0,
            "license": None,
            "allow_forking": True,
            "is_template": False,
            "topics": [],
            "visibility": repository.visibility,
            "forks": counts.forks,
            "open_issues": 0,
            "watchers": counts.stargazers,
            "default_branch": "main",
        }
        if call.version == "2022-11-28":
            content["has_downloads"] = True
        return content

    def _counts(self, call: Call, repository: Repository) -> Counts:
        counts = self._world.counts(repository.id)
        for fault in call.faults:
            if fault.kind is FaultKind.COUNTS and fault.concerns_repository(
                repository.id, repository.name, repository.full_name
            ):
                changed = [fault.field] if fault.field else list(Counts._fields)
                counts = counts._replace(**dict.fromkeys(changed, fault.value))
        return counts

    def _name(self, call: Call, repository: Repository) -> str:
        for fault in call.faults:
            of_repository = fault.login is None and fault.field != "login"
            if fault.kind is FaultKind.NAME and of_repository:
                known = repository.id, repository.name, repository.full_name
                if fault.concerns_repository(*known):
                    return fault.text or ""
        return repository.name

    def _closed_list(self, call: Call, owner: str, name: str, people: str) -> Answer:
        if not call.credential.authenticated:
            return Answer.error(401, "Requires authentication")
        repository = self._world.repository(owner, name)
        if repository is None or not call.credential.sees(repository):
            return not_found()
        account_id = call.credential.account_id
        if account_id == repository.owner.id or account_id in repository.collaborators:
            return Answer.json([])
        word = "stargazers" if people == "stargazers" else "watchers"
        return Answer.error(
            403, f"You do not have permission to view the {word} of this repository"
        )

    def _stargazers_count(self, call: Call, owner: str, name: str) -> Answer:
        repository = self._world.repository(owner, name)
        if repository is None or not call.credential.sees(repository):
            return not_found()
        return Answer.json({"count": self._counts(call, repository).stargazers})

    def _history(self, call: Call, owner: str, name: str) -> Answer:
        """Answer a page of the stars that are still held, by week."""
        repository = self._world.repository(owner, name)
        if repository is None:
            return not_found()
        if (refused := policies.refusal(call, repository.owner)) is not None:
            return refused
        if not call.credential.sees(repository):
            return not_found()
        if repository.block is not None:
            return blocked(repository.block)
        page = positive(call.query.get("page"), 1)
        size = min(positive(call.query.get("per_page"), MOST_WEEKS), MOST_WEEKS)
        if page > LAST_HISTORY_PAGE:
            return Answer.error(422, "Validation Failed")
        found_weeks = weeks(repository, self._world.now)
        found = found_weeks[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(found_weeks):
            query = urlencode({"per_page": size, "page": page + 1})
            headers["link"] = (
                f'<{call.base}/repositories/{repository.id}/stargazers/history?{query}>; rel="next"'
            )
        return Answer.json(found, headers=headers)

    def _history_by_id(self, call: Call, number: str) -> Answer:
        repository = self._world.repository_by_id(int(number))
        if repository is None:
            return not_found()
        return self._history(call, repository.owner.login, repository.name)

    # Apps

    def _access_token(self, call: Call, number: str) -> Answer:
        if call.credential.kind is not CredentialKind.APP or call.credential.account_id is None:
            return Answer.error(401, "A JSON web token could not be decoded")
        issued = self._credentials.issue(call.credential.account_id, int(number), call.now)
        if issued is None:
            return not_found()
        token, ends = issued
        content = {
            "token": token,
            "expires_at": timestamp(datetime.fromtimestamp(ends, UTC)),
            "permissions": {"metadata": "read"},
            "repository_selection": "all",
        }
        return Answer.json(content, 201)


def not_found() -> Answer:
    """Return GitHub's 404: gone, never there, or hidden from this caller."""
    return Answer.error(404, "Not Found")


def moved_permanently(url: str) -> Answer:
    """Return the redirect from a repository's old name."""
    content = {"message": "Moved Permanently", "url": url, "documentation_url": REDIRECTS}
    return Answer.json(content, 301, {"location": url})


def blocked(reason: BlockReason) -> Answer:
    """Return the answer for a repository to which GitHub blocks access."""
    content = {
        "message": "Repository access blocked",
        "block": {
            "reason": str(reason),
            "created_at": "2026-01-31T10:00:00Z",
            "html_url": "https://github.com/tos"
            if reason is not BlockReason.DMCA
            else "https://github.com/github/dmca/blob/master/2026/01/2026-01-30-example.md",
        },
    }
    return Answer.json(content, 451 if reason is BlockReason.DMCA else 403)


def etag(call: Call, answer: Answer) -> str:
    """Return the entity tag of an answer, which differs from token to token."""
    seed = call.credential.token.encode() + call.version.encode() + answer.body
    return f'W/"{hashlib.sha256(seed).hexdigest()}"'


def _rate(status: RateStatus) -> dict[str, int | str]:
    return {
        "limit": status.limit,
        "used": status.used,
        "remaining": status.remaining,
        "reset": status.reset,
        "resource": str(status.resource),
    }


def _forces_new_ids(call: Call) -> bool:
    return str(call.headers.get("x-github-next-global-id")) == "1"


def _simple_account(call: Call, account: Account) -> dict[str, Any]:
    return {
        "login": account.login,
        "id": account.id,
        "node_id": encode(NodeType(account.type), account.id, _forces_new_ids(call)),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{account.id}?v=4",
        "gravatar_id": "",
        "url": f"{call.base}/users/{account.login}",
        "html_url": f"{call.pages}/{account.login}",
        "repos_url": f"{call.base}/users/{account.login}/repos",
        "type": str(account.type),
        "user_view_type": "public",
        "site_admin": False,
    }
