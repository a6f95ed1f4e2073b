"""The connection of an account's repositories: filters, orders, pages and cursors."""

import base64
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from graphql import FieldNode

from simulator.entities import Account, Repository
from simulator.faults import Fault, FaultKind
from simulator.graphql.context import Context, Info
from simulator.graphql.errors import TypedError
from simulator.graphql.views import repository_view
from simulator.messages import timestamp

LARGEST_PAGE = 100

Key = tuple[str | int, int]


def repositories(source: dict[str, Any], info: Info, **arguments: Any) -> dict[str, Any]:
    """Return the page of an account's repositories that the arguments select."""
    context: Context = info.context
    first, last = page_size(info, arguments)
    found = _selected(context, source["account"], arguments)
    order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    key = ORDERS[order["field"]](context)
    descending = order["direction"] == "DESC"
    found.sort(key=key, reverse=descending)
    keys = [key(repository) for repository in found]
    total = len(found)
    start, end = 0, total
    if arguments.get("after") is not None:
        after = read_cursor(arguments["after"])
        start = sum(_before_or_at(k, after, descending) for k in keys)
    if arguments.get("before") is not None:
        before = read_cursor(arguments["before"])
        end = sum(_before_or_at(k, before, descending) and k != before for k in keys)
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    page = found[start:end]
    views: list[Any] = [repository_view(repository, context) for repository in page]
    for fault in context.faults.get(FaultKind.NULL_NODE, ()):
        _remove_node(fault, page, views)
    cursors = [write_cursor(k) for k in keys[start:end]]
    ends_early = bool(context.faults.get(FaultKind.NO_NEXT_PAGE))
    return {
        "totalCount": total,
        "nodes": views,
        "edges": [{"cursor": c, "node": v} for c, v in zip(cursors, views, strict=True)],
        "pageInfo": {
            "endCursor": cursors[-1] if cursors else None,
            "hasNextPage": end < total and not ends_early,
            "hasPreviousPage": start > 0,
            "startCursor": cursors[0] if cursors else None,
        },
    }


def page_size(info: Info, arguments: dict[str, Any]) -> tuple[int | None, int | None]:
    """Return how many items are requested from the beginning or from the end.

    :raise TypedError: too many, none, or without a bound
    """
    first, last = arguments.get("first"), arguments.get("last")
    connection = info.field_name
    for word, size in (("first", first), ("last", last)):
        if size is not None and size > LARGEST_PAGE:
            raise TypedError(
                "EXCESSIVE_PAGINATION",
                f"Requesting {size} records on the `{connection}` connection exceeds the"
                f" `{word}` limit of 100 records.",
            )
        if size is not None and size < 1:
            raise TypedError(
                "INVALID_CURSOR_ARGUMENTS",
                f"`{word}` on the `{connection}` connection cannot be less than 1.",
            )
    if first is None and last is None and not _asks_totals_only(info.field_nodes):
        raise TypedError(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the"
            f" `{connection}` connection.",
        )
    return first, last


def _asks_totals_only(nodes: Iterable[FieldNode]) -> bool:
    return all(
        isinstance(selection, FieldNode)
        and selection.name.value in {"totalCount", "totalDiskUsage", "__typename"}
        for node in nodes
        if node.selection_set is not None
        for selection in node.selection_set.selections
    )


def _selected(context: Context, account: Account, arguments: dict[str, Any]) -> list[Repository]:
    affiliations = arguments.get("ownerAffiliations") or ["OWNER", "COLLABORATOR"]
    privacy, visibility = arguments.get("privacy"), arguments.get("visibility")
    if privacy is not None and visibility is not None:
        raise TypedError(
            "UNPROCESSABLE", "The privacy and visibility arguments cannot be combined."
        )
    found: list[Repository] = []
    if "OWNER" in affiliations:
        found += context.world.repositories(account)
    if "COLLABORATOR" in affiliations:
        found += context.world.collaborations(account)
    credential = context.call.credential
    viewer = arguments.get("affiliations")
    fork, archived = arguments.get("isFork"), arguments.get("isArchived")
    return [
        repository
        for repository in found
        if privacy in {None, "PRIVATE" if repository.private else "PUBLIC"}
        and visibility in {None, repository.visibility.upper()}
        and (fork is None or repository.is_fork == fork)
        and (archived is None or repository.is_archived == archived)
        and credential.sees(repository)
        and (viewer is None or _affiliated(repository, credential.account_id, viewer))
    ]


def _affiliated(repository: Repository, viewer_id: int | None, wanted: list[str]) -> bool:
    if viewer_id is None:
        return False
    return ("OWNER" in wanted and viewer_id == repository.owner.id) or (
        "COLLABORATOR" in wanted and viewer_id in repository.collaborators
    )


def _by_name(_: Context) -> Callable[[Repository], Key]:
    return lambda repository: (repository.name.lower(), repository.id)


def _by_creation(_: Context) -> Callable[[Repository], Key]:
    return lambda repository: (timestamp(repository.created_at), repository.id)


def _by_stargazers(context: Context) -> Callable[[Repository], Key]:
    return lambda repository: (context.world.counts(repository.id).stargazers, repository.id)


ORDERS: dict[str, Callable[[Context], Callable[[Repository], Key]]] = {
    "NAME": _by_name,
    "CREATED_AT": _by_creation,
    "UPDATED_AT": _by_creation,
    "PUSHED_AT": _by_creation,
    "STARGAZERS": _by_stargazers,
}


def _before_or_at(key: Key, mark: Key, descending: bool) -> bool:
    try:
        return key >= mark if descending else key <= mark
    except TypeError as error:
        raise _bad_cursor(str(mark)) from error


def write_cursor(key: Key) -> str:
    """Return the cursor of an item with a sort key."""
    return base64.b64encode(b"cursor:v2:" + orjson.dumps(key)).decode()


def read_cursor(cursor: str) -> Key:
    """Return the sort key of a cursor.

    :raise TypedError: it is none
    """
    try:
        raw = base64.b64decode(cursor, validate=True)
        value, number = orjson.loads(raw.removeprefix(b"cursor:v2:"))
    except (ValueError, TypeError) as error:
        raise _bad_cursor(cursor) from error
    return value, number


def _bad_cursor(cursor: str) -> TypedError:
    return TypedError(
        "INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor."
    )


def _remove_node(fault: Fault, page: list[Repository], views: list[Any]) -> None:
    if fault.repository is None:
        if fault.index < len(views):
            views[fault.index] = None
        return
    for position, repository in enumerate(page):
        if fault.concerns_repository(repository.id, repository.name, repository.full_name):
            views[position] = None
