"""The releases of a repository."""

import itertools
from dataclasses import dataclass
from datetime import datetime

_ids = itertools.count(190_000_001)


@dataclass(frozen=True)
class Release:
    """A release of a repository; a draft is not published, and only its writers see it."""

    id: int
    tag: str
    name: str | None
    created_at: datetime
    published_at: datetime | None
    is_prerelease: bool = False

    @property
    def is_draft(self) -> bool:
        """Whether it is not published yet."""
        return self.published_at is None


def published(
    tag: str, at: datetime, name: str | None = None, *, is_prerelease: bool = False
) -> Release:
    """Return a release of a commit that was made at the same time, with an id of its own."""
    return Release(next(_ids), tag, name, at, at, is_prerelease=is_prerelease)


def draft(tag: str, at: datetime, name: str | None = None) -> Release:
    """Return a release that is not published yet."""
    return Release(next(_ids), tag, name, at, None)
