"""GitHub's GraphQL API: a hundred repositories with all three counts for one point.

Accounts are asked for by node id, which survives renames; ``repositoryOwner`` and ``node`` serve
users and organisations alike. Only public repositories of the account's own are asked for: without
``ownerAffiliations`` GitHub adds those it collaborates on, without ``privacy`` those that only the
token may see. Stars and forks are scalars and stay open; the lists of people behind them are closed
since July 2026.
"""

from dataclasses import dataclass, replace
from typing import Any

from common.repositories import SeenRepository
from worker.github.answers import Answer, Meaning
from worker.github.errors import Gone, TryAgain
from worker.github.observation import (
    Account,
    clean_name,
    read_counts,
    read_id,
)
from worker.github.transport import Transport

PAGE = 100
"""Repositories a page; GitHub gives no more."""

_REPOSITORY = """
  id databaseId name isPrivate isFork isArchived owner { id } stargazerCount forkCount
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
        nodes {{ {_REPOSITORY} {_WATCHERS if with_watchers else ""} }}
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
    ... on Repository {{ {_REPOSITORY} {_WATCHERS if with_watchers else ""} }}
  }}
  {_RATE_LIMIT}
}}
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A public repository as a GraphQL answer shows it.

    :param id: None where GitHub's 32-bit field cannot hold it
    :param seen: with ``id`` 0 where that is unknown; counts are None where watchers are
    """

    id: int | None
    owner_node_id: str
    seen: SeenRepository


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an account's repositories.

    :param nodes: what could be read
    :param unreadable: how many could not
    :param refusals: what GitHub said of those that it did not show
    :param are_watchers_refused: whether it refused their watchers, and hid them for that alone
    :param cursor: where the page ends
    """

    account: Account | None
    total: int
    nodes: tuple[Node, ...]
    unreadable: int
    refusals: tuple[str, ...]
    are_watchers_refused: bool
    has_next: bool
    cursor: str | None


class GraphQL:
    """The calls of the GraphQL API that we use."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def find_account(self, login: str, *, is_load: bool = False) -> Account | None:
        """Return the account that bears this login now; None where its id does not fit the field.

        :raise Gone: nobody does
        """
        data = self._transport.query(FIND_ACCOUNT, {"login": login}, is_load=is_load).usable()
        owner = data.get("repositoryOwner")
        if owner is None:
            raise Gone(f"GitHub has no account {login}")
        return _account(owner)

    def page(
        self,
        owner: str,
        *,
        first: int,
        after: str | None,
        with_watchers: bool,
        is_load: bool,
    ) -> Page:
        """Return one page of an account's repositories.

        :raise Gone: there is no such node
        """
        answer = self._transport.query(
            repositories_document(with_watchers=with_watchers),
            {"owner": owner, "first": first, "after": after},
            is_load=is_load,
        )
        node = answer.usable().get("node")
        if not isinstance(node, dict):
            raise Gone("GitHub has no such account")
        try:
            connection = node["repositories"]
            total = int(connection["totalCount"])
            items = list(connection["nodes"])
            page_info = connection["pageInfo"]
            has_next, cursor = page_info["hasNextPage"] is True, page_info["endCursor"]
        except (KeyError, TypeError, ValueError) as error:
            raise TryAgain("a page of repositories without its parts", ask_for_less=True) from error
        nodes = [read for item in items if (read := _node(item)) is not None]
        hidden = sum(
            1 for item in items if isinstance(item, dict) and item.get("isPrivate") is True
        )
        return Page(
            account=_account(node),
            total=total - hidden,
            nodes=tuple(nodes),
            unreadable=len(items) - hidden - len(nodes),
            refusals=_refusals(answer),
            are_watchers_refused=any("watchers" in error.path for error in answer.field_errors),
            has_next=has_next,
            cursor=cursor if isinstance(cursor, str) else None,
        )

    def look(
        self, node_ids: list[str], *, with_watchers: bool, is_load: bool
    ) -> dict[str, Node | None]:
        """Look at repositories by node id, at most a hundred.

        :return: by node id what was found; None for what GitHub has no more or hides; those that it
            refused for another reason are left out
        """
        answer = self._transport.query(
            look_document(with_watchers=with_watchers), {"ids": node_ids}, is_load=is_load
        )
        if answer.meaning is Meaning.GONE:
            return dict.fromkeys(node_ids)
        items = answer.usable().get("nodes")
        if not isinstance(items, list) or len(items) != len(node_ids):
            raise TryAgain("GitHub answered for other repositories than it was asked for")
        refused = {
            error.path[1]
            for error in answer.field_errors
            if error.kind != "NOT_FOUND" and len(error.path) > 1
        }
        return {
            node_id: _node(item)
            for index, (node_id, item) in enumerate(zip(node_ids, items, strict=True))
            if index not in refused
        }


def _account(owner: dict[str, Any]) -> Account | None:
    account_id, login, node_id = (
        read_id(owner.get("databaseId")),
        owner.get("login"),
        owner.get("id"),
    )
    if account_id is None or not isinstance(login, str) or not isinstance(node_id, str):
        return None
    return Account(account_id, login, clean_name(owner.get("name"), login), node_id)


def _node(item: Any) -> Node | None:
    """Read a repository; None for one that is not shown, private, or not readable."""
    if not isinstance(item, dict) or item.get("isPrivate") is not False:
        return None
    owner, node_id, name = item.get("owner"), item.get("id"), item.get("name")
    if not isinstance(owner, dict) or not isinstance(node_id, str) or not isinstance(name, str):
        return None
    repository_id = read_id(item.get("databaseId"))
    watchers = item.get("watchers")
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
        ),
    )


def _refusals(answer: Answer) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{error.kind}: {error.message}" for error in answer.field_errors))


def with_id(node: Node, repository_id: int) -> Node:
    """Return the node with the id that was learnt elsewhere."""
    return replace(node, id=repository_id, seen=replace(node.seen, id=repository_id))
