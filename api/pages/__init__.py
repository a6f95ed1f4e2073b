"""The pages: what people see at ``/``, rendered here, escaped, and without need of a script.

One module a page; ``frame`` is what they share, ``doors`` lets their forms in or not. A page shows
what the calls under ``/v1`` answer, and reads it through the same functions of ``common``.
"""

from fastapi import FastAPI

from api.pages import entry, follow, frame, overview, repository, status, user
from api.pages.doors import Doors, NoKeyError
from api.pages.errors import ErrorPages
from common.settings import Settings


def install(app: FastAPI, settings: Settings) -> None:
    """Serve the pages; to be called after every other middleware is there."""
    app.state.doors = Doors(settings.api_key)
    app.add_exception_handler(NoKeyError, entry.ask_for_key)
    app.mount("/static", frame.Files(), name="static")
    for module in (overview, entry, follow, user, repository, status):
        app.include_router(module.router, include_in_schema=False)
    app.add_middleware(ErrorPages)
