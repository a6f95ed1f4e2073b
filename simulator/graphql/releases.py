"""The connection of a repository's releases: drafts only for those who may write, pages, orders."""

from typing import Any

from simulator.entities import Repository
from simulator.graphql.context import Context, Info
from simulator.graphql.repositories import Key, page_size, read_cursor, write_cursor
from simulator.messages import timestamp
from simulator.releases import Release


def releases(source: dict[str, Any], info: Info, **arguments: Any) -> dict[str, Any]:
    """Return the page of a repository's releases that the arguments select."""
    context: Context = info.context
    first, last = page_size(info, arguments)
    repository: Repository = source["repository"]
    order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "DESC"}
    is_by_name = order["field"] == "NAME"

    def key(release: Release) -> Key:
        return (release.name or "") if is_by_name else timestamp(release.created_at), release.id

    found = sorted(_visible(repository, context), key=key, reverse=order["direction"] == "DESC")
    keys = [key(release) for release in found]
    start, end = 0, len(found)
    if arguments.get("after") is not None:
        start = keys.index(read_cursor(arguments["after"])) + 1
    if arguments.get("before") is not None:
        end = keys.index(read_cursor(arguments["before"]))
    if first is not None:
        end = min(end, start + first)
    elif last is not None:
        start = max(start, end - last)
    views = [_view(release, repository, context) for release in found[start:end]]
    cursors = [write_cursor(each) for each in keys[start:end]]
    return {
        "totalCount": len(found),
        "nodes": views,
        "edges": [{"cursor": c, "node": v} for c, v in zip(cursors, views, strict=True)],
        "pageInfo": {
            "endCursor": cursors[-1] if cursors else None,
            "hasNextPage": end < len(found),
            "hasPreviousPage": start > 0,
            "startCursor": cursors[0] if cursors else None,
        },
    }


def _visible(repository: Repository, context: Context) -> list[Release]:
    account_id = context.call.credential.account_id
    may_write = account_id == repository.owner.id or account_id in repository.collaborators
    today = context.world.day
    return [
        release
        for release in repository.releases
        if release.created_at.date() <= today
        and (release.published_at is None or release.published_at.date() <= today)
        and (may_write or not release.is_draft)
    ]


def _view(release: Release, repository: Repository, context: Context) -> dict[str, Any]:
    created_at = timestamp(release.created_at)
    pages = f"{context.call.pages}/{repository.full_name}"
    return {
        "__typename": "Release",
        "createdAt": created_at,
        "databaseId": release.id,
        "id": f"RE_{release.id}",
        "isDraft": release.is_draft,
        "isPrerelease": release.is_prerelease,
        "name": release.name,
        "publishedAt": None if release.published_at is None else timestamp(release.published_at),
        "tagName": release.tag,
        "updatedAt": created_at,
        "url": f"{pages}/releases/tag/{release.tag}",
    }
