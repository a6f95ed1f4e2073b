"""GitHub's GraphQL API: a hundred repositories with all three counts for one point.

Accounts are read by node id, which survives renames; ``repositoryOwner`` and ``node`` work for
users and organisations. Queries select only public repositories that the account owns: without
``ownerAffiliations`` GitHub adds those it collaborates on, without ``privacy`` those that only the
token may see. Stars and forks are scalars; the lists of people behind them are closed since July
2026.
"""

from dataclasses import dataclass, replace
from typing import Any

from common.repositories import SeenRepository
from worker.github.errors import Gone, PolicyRefusal, TryAgain
from worker.github.meaning import FieldError
from worker.github.observation import (
    Account,
    Shortfall,
    clean_name,
    read_counts,
    read_id,
    read_line,
    read_login,
    read_total,
    read_word,
)
from worker.github.transport import Transport

PAGE = 100
"""Repositories a page, GitHub's maximum."""

_REPOSITORY = """
  id databaseId name description primaryLanguage { name } isPrivate isFork isArchived
  owner { id } stargazerCount forkCount
"""
_WATCHERS = "watchers { totalCount }"
_ACCOUNT = """
  __typename id
  ... on RepositoryOwner { login }
  ... on User { databaseId name }
  ... on Organization { databaseId name }
"""
_RATE_LIMIT = "rateLimit { cost limit remaining used resetAt }"

FIND_ACCOUNT = f"""
query FindAccount($login: String!) {{
  repositoryOwner(login: $login) {{ {_ACCOUNT} }}
  {_RATE_LIMIT}
}}
"""


def _repository(with_watchers: bool) -> str:
    return f"{_REPOSITORY} {_WATCHERS}" if with_watchers else _REPOSITORY


def repositories_document(*, with_watchers: bool = True) -> str:
    """Return the query for one page of an account's repositories."""
    return f"""
query Repositories($owner: ID!, $first: Int!, $after: String) {{
  node(id: $owner) {{
    {_ACCOUNT}
    ... on RepositoryOwner {{
      repositories(
        first: $first, after: $after, ownerAffiliations: [OWNER], privacy: PUBLIC,
        orderBy: {{field: CREATED_AT, direction: ASC}}
      ) {{
        totalCount
        pageInfo {{ hasNextPage endCursor }}
        nodes {{ {_repository(with_watchers)} }}
      }}
    }}
  }}
  {_RATE_LIMIT}
}}
"""


def look_document(*, with_watchers: bool = True) -> str:
    """Return the query for up to a hundred repositories by node id."""
    return f"""
query Look($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Repository {{ {_repository(with_watchers)} }}
  }}
  {_RATE_LIMIT}
}}
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A public repository as a GraphQL answer shows it.

    :param id: None if it exceeds GitHub's 32-bit field
    :param seen: with ``id`` 0 if the id is unknown; counts are None if watchers are missing
    """

    id: int | None
    owner_node_id: str
    seen: SeenRepository


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an account's repositories.

    :param account: None if it has no valid login
    :param total: how many repositories GitHub counts
    :param nodes: the repositories that could be read
    :param unreadable: how many repositories could not be read
    :param hidden: how many must not be recorded: private, or another owner's
    :param refusals: GitHub's errors about repositories that it did not show
    :param without_watchers: how many GitHub hid because it refuses their watchers
    :param cursor: where the page ends
    """

    account: Account | None
    total: int
    nodes: tuple[Node, ...]
    unreadable: int
    hidden: int
    refusals: tuple[Shortfall, ...]
    without_watchers: int
    has_next: bool
    cursor: str | None


class GraphQL:
    """The calls of the GraphQL API that we use."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find_account(self, login: str, *, is_load: bool = False) -> Account | None:
        """Return the account that has this login now; None if its id exceeds the field.

        :raise Gone: no account has it
        """
        data = self._transport.query(FIND_ACCOUNT, {"login": login}, is_load=is_load).usable()
        owner = data.get("repositoryOwner")
        if not isinstance(owner, dict):
            raise Gone(f"GitHub has no account {login}")
        account_id = read_id(owner.get("databaseId"))
        return None if account_id is None else _account(owner, account_id)

    def page(
        self,
        owner: str,
        *,
        owner_id: int,
        first: int,
        after: str | None,
        with_watchers: bool,
        is_load: bool,
    ) -> Page:
        """Return one page of an account's repositories.

        :param owner_id: the account's numeric id, which may exceed GraphQL's field
        :raise Gone: there is no such node, or it is another account's
        :raise PolicyRefusal: the owner's policy refuses our credential
        """
        answer = self._transport.query(
            repositories_document(with_watchers=with_watchers),
            {"owner": owner, "first": first, "after": after},
            is_load=is_load,
        )
        page = _page(answer.usable().get("node"), owner_id, answer.field_errors)
        refusal = next((error for error in answer.field_errors if error.is_policy), None)
        if refusal is not None and not page.nodes:
            raise PolicyRefusal(refusal.message, trace=answer.trace)
        return page

    def look(
        self,
        node_ids: list[str],
        *,
        with_watchers: bool,
        is_load: bool = False,
        is_background: bool = False,
    ) -> dict[str, Node | None]:
        """Look at repositories by node id, at most a hundred.

        :return: by node id, the repository; None if GitHub says that it is gone or private.
            Repositories about which GitHub said nothing clear are left out.
        """
        answer = self._transport.query(
            look_document(with_watchers=with_watchers),
            {"ids": node_ids},
            is_load=is_load,
            is_background=is_background,
        )
        try:
            items = answer.usable().get("nodes")
        except Gone as gone:
            raise TryAgain("GitHub denies all repositories at once") from gone
        if not isinstance(items, list) or len(items) != len(node_ids):
            raise TryAgain("GitHub answered for other repositories than requested")
        denied = {
            error.path[1]
            for error in answer.field_errors
            if error.kind == "NOT_FOUND" and error.path[:1] == ("nodes",) and len(error.path) == 2
        }
        found: dict[str, Node | None] = {}
        for index, (node_id, item) in enumerate(zip(node_ids, items, strict=True)):
            node = _node(item)
            if node is not None and node.seen.node_id == node_id:
                found[node_id] = node
            elif _is_private(item) or (item is None and index in denied):
                found[node_id] = None
        return found


def _page(node: Any, owner_id: int, errors: tuple[FieldError, ...]) -> Page:
    """Read one page of an account's repositories.

    :raise Gone: there is no such node, or it is another account's
    """
    if not isinstance(node, dict):
        raise Gone("GitHub has no such account")
    if read_id(node.get("databaseId")) not in (owner_id, None):
        raise Gone("another account has this node id")
    try:
        connection = node["repositories"]
        total = read_total(connection["totalCount"])
        items = list(connection["nodes"])
        page_info = connection["pageInfo"]
        has_next, cursor = page_info["hasNextPage"] is True, page_info["endCursor"]
    except (KeyError, TypeError) as error:
        raise TryAgain("incomplete page of repositories", ask_for_less=True) from error
    if total is None:
        raise TryAgain("page of repositories without a total", ask_for_less=True)
    nodes = [read for item in items if (read := _node(item)) is not None]
    own = [read for read in nodes if read.owner_node_id == node.get("id")]
    # The query excludes both; neither is recorded.
    hidden = sum(_is_private(item) for item in items) + len(nodes) - len(own)
    return Page(
        account=_account(node, owner_id),
        total=total,
        nodes=tuple(own),
        unreadable=len(items) - hidden - len(own),
        hidden=hidden,
        refusals=tuple(
            dict.fromkeys(
                Shortfall(f"{error.kind}: {error.message}", can_pass=error.can_pass)
                for error in errors
            )
        ),
        without_watchers=sum("watchers" in error.path for error in errors),
        has_next=has_next,
        cursor=read_word(cursor),
    )


def _is_private(item: Any) -> bool:
    return isinstance(item, dict) and item.get("isPrivate") is True


def _account(owner: dict[str, Any], account_id: int) -> Account | None:
    login, node_id = read_login(owner.get("login")), read_word(owner.get("id"))
    if login is None or node_id is None:
        return None
    return Account(account_id, login, clean_name(owner.get("name"), login), node_id)


def _node(item: Any) -> Node | None:
    """Return a repository; None if it is hidden, not clearly public, or unreadable.

    ``isPrivate`` "identifies if the repository is private or internal", says GitHub's schema.
    """
    if not isinstance(item, dict) or item.get("isPrivate") is not False:
        return None
    owner, node_id, name = item.get("owner"), read_word(item.get("id")), item.get("name")
    if not isinstance(owner, dict) or node_id is None or not isinstance(name, str):
        return None
    repository_id = read_id(item.get("databaseId"))
    watchers, language = item.get("watchers"), item.get("primaryLanguage")
    return Node(
        id=repository_id,
        owner_node_id=str(owner.get("id")),
        seen=SeenRepository(
            id=repository_id or 0,
            name=clean_name(name, node_id),
            node_id=node_id,
            is_fork=item.get("isFork") is True,
            is_archived=item.get("isArchived") is True,
            counts=read_counts(
                item.get("stargazerCount"),
                item.get("forkCount"),
                watchers.get("totalCount") if isinstance(watchers, dict) else None,
            ),
            description=read_line(item.get("description")),
            language=read_line(language.get("name")) if isinstance(language, dict) else None,
        ),
    )


def with_id(node: Node, repository_id: int) -> Node:
    """Return the node with an id from elsewhere."""
    return replace(node, id=repository_id, seen=replace(node.seen, id=repository_id))
