"""``…/backfill``: have star histories read again, and show how far that has come."""

import logging
from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import Connection

from api.dependencies import MayWrite, Owned, Resources
from api.http import describe
from api.http.transactions import read, transact
from api.queries import backfills as progress
from api.v1 import responses
from api.v1.backfill_schemas import RepositoryReading, UserReading
from api.v1.fields import RepositoryId, UserId
from api.v1.repositories import get_named_repository
from api.v1.users import get_tracked_user
from common import backfills
from common.broker import Task

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)

_REQUESTED = "The request is stored; `Location` shows the progress."


def _describe_post(model: type[BaseModel]) -> describe.Responses:
    location = {"Location": "The URL of the progress."}
    return describe.json(202, _REQUESTED, model, headers=location) | responses.NO_KEY


@router.post(
    "/users/{user_id}/backfill",
    summary="Read a user's star histories again",
    status_code=202,
    dependencies=[MayWrite],
    responses=_describe_post(UserReading) | responses.NO_USER | responses.INVALID_USER_ID,
)
def request_user_backfill(resources: Owned, user_id: UserId) -> JSONResponse:
    """Read GitHub's whole star history of each repository of a user again.

    It happens in the background, after scans, loads and earlier requests, with what these leave of
    GitHub's quota. What is being read already goes on. Days keep their first reading.
    """
    off = backfills.why_off(resources.settings)

    def request(connection: Connection) -> UserReading:
        get_tracked_user(connection, user_id)
        backfills.request_user(connection, user_id)
        return UserReading.of(progress.of_user(connection, user_id, off=off))

    return _accepted(resources, request, f"/v1/users/{user_id}/backfill")


@router.get(
    "/users/{user_id}/backfill",
    summary="Show how far a user's star histories are read",
    responses=describe.json(200, "The progress.", UserReading)
    | responses.NO_USER
    | responses.INVALID_USER_ID,
)
def show_user_backfill(resources: Owned, user_id: UserId) -> JSONResponse:
    """Show of how many of a user's repositories GitHub's star history is read."""
    off = backfills.why_off(resources.settings)

    def look(connection: Connection) -> UserReading:
        get_tracked_user(connection, user_id)
        return UserReading.of(progress.of_user(connection, user_id, off=off))

    return JSONResponse(read(resources.database, look).model_dump(mode="json"))


@router.post(
    "/repos/{repo_id}/backfill",
    summary="Read a repository's star history again",
    status_code=202,
    dependencies=[MayWrite],
    responses=_describe_post(RepositoryReading)
    | responses.NO_REPOSITORY
    | responses.INVALID_REPOSITORY_ID,
)
def request_repository_backfill(resources: Owned, repo_id: RepositoryId) -> JSONResponse:
    """Read GitHub's whole star history of a repository again, as for a user."""
    off = backfills.why_off(resources.settings)

    def request(connection: Connection) -> RepositoryReading:
        get_named_repository(connection, repo_id)
        backfills.request_repository(connection, repo_id)
        return RepositoryReading.of(progress.of_repository(connection, repo_id, off=off))

    return _accepted(resources, request, f"/v1/repos/{repo_id}/backfill")


@router.get(
    "/repos/{repo_id}/backfill",
    summary="Show how far a repository's star history is read",
    responses=describe.json(200, "The progress.", RepositoryReading)
    | responses.NO_REPOSITORY
    | responses.INVALID_REPOSITORY_ID,
)
def show_repository_backfill(resources: Owned, repo_id: RepositoryId) -> JSONResponse:
    """Show how far GitHub's star history of a repository is read."""
    off = backfills.why_off(resources.settings)

    def look(connection: Connection) -> RepositoryReading:
        get_named_repository(connection, repo_id)
        return RepositoryReading.of(progress.of_repository(connection, repo_id, off=off))

    return JSONResponse(read(resources.database, look).model_dump(mode="json"))


def _accepted(
    resources: Resources, request: Callable[[Connection], BaseModel], url: str
) -> JSONResponse:
    """Store a request, and send a sweep, which sends the first reading that may be made now."""
    body = transact(resources.database, request)
    log.info("star history requested: %s", url)
    if backfills.why_off(resources.settings) is None:
        resources.sender.send(Task.SWEEP)
    return JSONResponse(body.model_dump(mode="json"), status_code=202, headers={"Location": url})
