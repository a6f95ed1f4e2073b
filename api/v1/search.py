"""``/v1/search``: users and repositories by words."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.dependencies import Database
from api.http import describe
from api.http.transactions import read
from api.queries import search
from api.queries.search import Found
from api.v1.schemas import User

router = APIRouter(prefix="/v1/search", tags=["users"], responses=describe.UNAVAILABLE)

MAX_RESULTS = 100


class FoundRepository(BaseModel):
    """A repository that was found by words."""

    id: Annotated[int, Field(description="GitHub's repository id.", examples=[831775037])]
    user_id: Annotated[int, Field(description="The newest owner.", examples=[82056671])]
    full_name: Annotated[str, Field(examples=["onelonelyrepo/safe-queue"])]
    description: Annotated[str | None, Field(examples=["A queue that is safe to kill"])]
    language: Annotated[
        str | None, Field(description="The main language according to GitHub.", examples=["Go"])
    ]
    fork: Annotated[bool, Field(examples=[False])]
    archived: Annotated[bool, Field(examples=[False])]
    gone: Annotated[bool, Field(description="Whether GitHub shows it no more.", examples=[False])]


class SearchResult(BaseModel):
    """What was found, the best first."""

    users: list[User]
    users_in_all: Annotated[int, Field(description="How many users match.", examples=[1])]
    repositories: list[FoundRepository]
    repositories_in_all: Annotated[
        int, Field(description="How many repositories match.", examples=[1])
    ]

    @classmethod
    def of(cls, found: Found) -> Self:
        """Return the result of a search."""
        return cls(
            users=[User.of(user) for user in found.users],
            users_in_all=found.users_in_all,
            repositories=[
                FoundRepository(
                    id=each.id,
                    user_id=each.user_id,
                    full_name=each.full_name,
                    description=each.description,
                    language=each.language,
                    fork=each.is_fork,
                    archived=each.is_archived,
                    gone=each.is_gone,
                )
                for each in found.repositories
            ],
            repositories_in_all=found.repositories_in_all,
        )


@router.get(
    "",
    summary="Search for users and repositories",
    responses=describe.json(200, "The users and repositories found, the best first.", SearchResult)
    | describe.invalid_minimum("query", "limit", "0", 1),
)
def search_all(
    database: Database,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=100,
            description="Words that must all occur, in any case.",
            examples=["safe queue"],
        ),
    ],
    limit: Annotated[
        int,
        Query(
            ge=1,
            le=MAX_RESULTS,
            description="Maximum number of users, and of repositories.",
            examples=[20],
        ),
    ] = 20,
) -> SearchResult:
    """Search among the followed users and their repositories.

    A user is found by login and name, a repository by its full name and its description. What has
    a name equal to `q` comes first, then what has a name that begins with it.
    """
    return SearchResult.of(
        read(database, lambda connection: search.search(connection, q, limit=limit))
    )
