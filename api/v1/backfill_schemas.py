"""The bodies of ``…/backfill``."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from api.queries.backfills import RepositoryBackfill, Stage, UserBackfill

_StateOfReading = Annotated[
    Stage,
    Field(
        description="`waiting`: for scans, for earlier readings or for GitHub; `reading`: some of"
        " it is read; `none`: there is no history to read; `failed`: GitHub refuses it, and is"
        " asked again each week; `off`: the settings say so.",
        examples=["reading"],
    ),
]
_BeginsOn = Annotated[
    date | None,
    Field(
        description="The first day of the history, as far as it is read.", examples=["2021-03-07"]
    ),
]


class RepositoryReading(BaseModel):
    """How far the reading of a repository's star history has come."""

    state: _StateOfReading
    text: Annotated[
        str,
        Field(
            description="The state in words.",
            examples=["read back to 2021-03-07, older weeks follow"],
        ),
    ]
    pages_read: Annotated[
        int, Field(description="Pages of the reading in progress; 30 weeks each.", examples=[10])
    ]
    begins_on: _BeginsOn
    read_through: Annotated[
        date | None,
        Field(
            description="The last day, of Los Angeles, up to which it is read whole.",
            examples=[None],
        ),
    ]
    read_at: Annotated[
        datetime | None, Field(description="When the last reading ended.", examples=[None])
    ]
    next_attempt_at: Annotated[
        datetime | None, Field(description="Not before then.", examples=[None])
    ]

    @classmethod
    def of(cls, found: RepositoryBackfill) -> "RepositoryReading":
        """Return the body."""
        return cls(
            state=found.stage,
            text=found.text,
            pages_read=found.pages_read,
            begins_on=found.begins_on,
            read_through=found.read_through,
            read_at=found.read_at,
            next_attempt_at=found.next_attempt_at,
        )


class UserReading(BaseModel):
    """How far the reading of the star histories of a user's repositories has come."""

    state: _StateOfReading
    text: Annotated[
        str,
        Field(
            description="The state in words.",
            examples=["3 of 12 repositories read, 9 to be read"],
        ),
    ]
    repositories: Annotated[
        int, Field(description="Repositories with stars, which have a history.", examples=[12])
    ]
    done: Annotated[int, Field(description="Of these, those read to the end.", examples=[3])]
    waiting: Annotated[int, Field(description="Those that are to be read.", examples=[9])]
    none: Annotated[int, Field(description="Those of which GitHub has no history.", examples=[0])]
    failed: Annotated[int, Field(description="Those that GitHub refuses.", examples=[0])]
    begins_on: _BeginsOn

    @classmethod
    def of(cls, found: UserBackfill) -> "UserReading":
        """Return the body."""
        return cls(
            state=found.stage,
            text=found.text,
            repositories=found.repositories,
            done=found.done,
            waiting=found.waiting,
            none=found.none,
            failed=found.failed,
            begins_on=found.begins_on,
        )
