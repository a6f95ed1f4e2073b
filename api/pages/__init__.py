"""The pages at ``/``: HTML rendered on the server, usable without JavaScript.

One module per page, named after it. They share ``layout``; ``auth`` decides who may send forms.
Pages read the database through ``api.queries``, as the calls under ``/v1`` do.
"""

from fastapi import FastAPI

from api.http.public_url import PublicUrl
from api.pages import (
    compare,
    embedding,
    follow,
    frames,
    imports,
    login,
    notes,
    overview,
    repository,
    search,
    status,
    unfollow,
    user,
    user_by_login,
)
from api.pages.assets import Assets
from api.pages.auth import Auth, NotLoggedInError
from api.pages.errors import ErrorPages
from api.pages.layout import frame_headers
from api.pages.recent_movers import RecentMovers
from common.settings import Settings


def install(app: FastAPI, settings: Settings) -> None:
    """Add the pages to the application; call it after all other middleware is added."""
    url = PublicUrl(settings.public_url)
    app.state.auth = Auth(settings.api_key, url, is_read_only=settings.read_only)
    app.state.recent_movers = RecentMovers()
    app.state.github_pages = settings.github.pages
    app.add_exception_handler(NotLoggedInError, login.redirect_to_login)
    app.mount("/static", Assets(), name="static")
    for module in (
        overview,
        compare,
        login,
        follow,
        user,
        repository,
        notes,
        embedding,
        frames,
        imports,
        search,
        user_by_login,
        unfollow,
        status,
    ):
        app.include_router(module.router, include_in_schema=False)
    app.state.frame_headers = frame_headers(settings.embed_origins)
    app.add_middleware(
        ErrorPages, root=url.path, frame_headers=frame_headers(settings.embed_origins)
    )
