"""The filter of a user's repositories: what its form sends, in the words of the API."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query

from api.queries.repository_list import Filter

_YesOrNo = Literal["", "true", "false"]
"""A form sends the choice of all as an empty text."""

_FLAGS = {"true": True, "false": False, "": None}

_Words = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class RepositoryFilter:
    """Which repositories a visitor asks to see; an empty text does not filter.

    :param q: a text in the name or the description
    """

    q: str = ""
    language: str = ""
    fork: _YesOrNo = ""
    archived: _YesOrNo = ""
    present: _YesOrNo = ""

    @property
    def options(self) -> dict[str, object]:
        """The query parameters of the page and of the API, without those that do not filter."""
        named = {
            "q": self.q,
            "language": self.language,
            "fork": self.fork,
            "archived": self.archived,
            "present": self.present,
        }
        return {name: value for name, value in named.items() if value}

    @property
    def is_active(self) -> bool:
        """Whether anything is left out."""
        return bool(self.options)

    @property
    def wanted(self) -> Filter:
        """The filter as the list of repositories takes it."""
        return Filter(
            is_fork=_FLAGS[self.fork],
            is_archived=_FLAGS[self.archived],
            is_present=_FLAGS[self.present],
            language=self.language or None,
            words=self.q or None,
        )


def repository_filter(
    q: _Words = "",
    language: _Words = "",
    fork: _YesOrNo = "",
    archived: _YesOrNo = "",
    present: _YesOrNo = "",
) -> RepositoryFilter:
    """Return what the query string asks to see."""
    return RepositoryFilter(q.strip(), language.strip(), fork, archived, present)
