"""``/search``: users and repositories by words; the box is on every page."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Database
from api.http.transactions import read
from api.pages.layout import page
from api.queries import search

router = APIRouter()

_MAX_RESULTS = 50


@router.get("/search")
def show_results(
    request: Request, database: Database, q: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Show the users and repositories that contain every word."""
    words = q.strip()
    found = read(database, lambda connection: search.search(connection, words, limit=_MAX_RESULTS))
    return page(request, "search.html", found=found, search=words)
