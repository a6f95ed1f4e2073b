"""``PUBLIC_URL``: where visitors reach the API, which a proxy in front of it does not tell.

Headers such as ``X-Forwarded-Host`` and ``X-Forwarded-Prefix`` do not count: any client can send
them, and a proxy that does not know them passes them on.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import SetupError
from common.web_address import path_of


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """The setting, or what stands for it.

    :param url: the setting, without a slash at its end; None if not set
    """

    url: str | None

    @property
    def path(self) -> str:
        """The path below which visitors see the API; empty at the root of its host."""
        return path_of(self.url)

    @property
    def cookie_path(self) -> str:
        """The ``Path`` of the cookies."""
        return self.path or "/"

    @property
    def origin(self) -> str | None:
        """What browsers send as ``Origin``; None if not set."""
        return None if self.url is None else self.url.removesuffix(self.path)

    def base(self, request: Request) -> str:
        """Return the URL of ``/``, without its slash: the setting, or what the request shows."""
        return self.url or str(request.base_url).rstrip("/")

    def is_https(self, request: Request) -> bool:
        """Return whether visitors use HTTPS."""
        return urlsplit(self.base(request)).scheme == "https"


def public_url_of(request: Request) -> PublicUrl:
    """Return the ``PublicUrl`` of the application that serves a request."""
    url: PublicUrl = request.app.state.public_url
    return url


def install(app: FastAPI, public_url: PublicUrl) -> None:
    """Serve an application below the path of its public URL; call it after all else is added.

    :raise SetupError: the application has paths of its own that begin like that path
    """
    if not public_url.path:
        return
    first = _first_segment(public_url.path)
    own = {_first_segment(route.path or "") for route in iter_route_contexts(app.routes)}
    if first in own:
        raise SetupError(
            f"invalid setting: PUBLIC_URL: its path must not begin with /{first}, which is a path"
            " of the API itself"
        )
    app.add_middleware(PublicPath, path=public_url.path)


def _first_segment(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


class PublicPath:
    """Middleware that serves the API below a path, in front of which a proxy may have removed it.

    All other code knows only the paths below it: requests lose the path if they have it, and
    ``Location`` and ``Link`` get it.

    :param path: without a slash at its end
    """

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_path(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_path(MutableHeaders(scope=message))
            await send(message)

        await self._app(self._without_path(scope), receive, send_with_path)

    def _without_path(self, scope: Scope) -> Scope:
        path: str = scope["path"]
        if path != self._path and not path.startswith(f"{self._path}/"):
            return scope
        inner = {**scope, "path": path.removeprefix(self._path) or "/"}
        # The same path with its escapes, which would have to be parsed; nothing reads it.
        inner.pop("raw_path", None)
        return inner

    def _add_path(self, headers: MutableHeaders) -> None:
        location, link = headers.get("location", ""), headers.get("link", "")
        if location.startswith("/"):
            headers["location"] = self._path + location
        if link.startswith("</"):
            headers["link"] = f"<{self._path}{link[1:]}"
