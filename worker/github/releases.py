"""The releases of repositories: the newest 30 of up to 50 repositories, for one point.

``createdAt`` of a release is the time of its commit, and what the list is ordered by; a release is
dated by ``publishedAt``. A draft has none, and only those who may write see it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.github.errors import Gone, TryAgain
from worker.github.observation import clean_text, read_id, read_line
from worker.github.transport import Transport

MOST = 30
"""Releases of one repository."""

REPOSITORIES = 50
"""In one request: with all their releases, 1,550 of the 500,000 nodes that GitHub allows."""

_MAX_LENGTH = 255
"""Characters of a tag or a title that are kept."""

RELEASES = """
query Releases($ids: [ID!]!, $first: Int!) {
  nodes(ids: $ids) {
    ... on Repository {
      id isPrivate
      releases(first: $first, orderBy: {field: CREATED_AT, direction: DESC}) {
        nodes { databaseId tagName name isDraft isPrerelease publishedAt }
      }
    }
  }
  rateLimit { cost limit remaining used resetAt }
}
"""


@dataclass(frozen=True, slots=True)
class PublishedRelease:
    """A release that everybody may see.

    :param title: None if it has none
    """

    id: int
    tag: str
    title: str | None
    published_at: datetime
    is_prerelease: bool


@dataclass(frozen=True, slots=True)
class ReleaseList:
    """The newest releases of a repository.

    :param is_whole: it has no others
    """

    releases: tuple[PublishedRelease, ...]
    is_whole: bool


class Releases:
    """The request for releases: it takes only what scans leave."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def of(self, node_ids: list[str]) -> dict[str, ReleaseList]:
        """Return the releases of repositories, see ``GitHub.releases``."""
        answer = self._transport.query(
            RELEASES, {"ids": node_ids, "first": MOST}, is_background=True
        )
        try:
            items = answer.usable().get("nodes")
        except Gone as gone:
            raise TryAgain("GitHub denies all repositories at once") from gone
        if not isinstance(items, list) or len(items) != len(node_ids):
            raise TryAgain("GitHub answered for other repositories than requested")
        found = {}
        for node_id, item in zip(node_ids, items, strict=True):
            listed = read_list(item, node_id)
            if listed is not None:
                found[node_id] = listed
        return found


def read_list(item: Any, node_id: str) -> ReleaseList | None:
    """Return the releases of a repository; None if it is not clearly public, or unreadable."""
    if not isinstance(item, dict) or item.get("isPrivate") is not False:
        return None
    connection = item.get("releases")
    nodes = connection.get("nodes") if isinstance(connection, dict) else None
    if item.get("id") != node_id or not isinstance(nodes, list):
        return None
    releases = [release for node in nodes if (release := _read_release(node)) is not None]
    # An unreadable one may be one that is stored.
    is_whole = len(nodes) < MOST and all(isinstance(node, dict) for node in nodes)
    return ReleaseList(tuple(releases), is_whole)


def _read_release(node: Any) -> PublishedRelease | None:
    if not isinstance(node, dict) or node.get("isDraft") is not False:
        return None
    release_id, tag = read_id(node.get("databaseId")), node.get("tagName")
    published_at = _read_time(node.get("publishedAt"))
    if release_id is None or published_at is None or not isinstance(tag, str):
        return None
    title = read_line(node.get("name"))
    return PublishedRelease(
        release_id,
        clean_text(tag)[:_MAX_LENGTH] or str(release_id),
        None if title is None else title[:_MAX_LENGTH],
        published_at,
        node.get("isPrerelease") is True,
    )


def _read_time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return None if moment.tzinfo is None else moment
