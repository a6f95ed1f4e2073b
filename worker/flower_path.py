"""Flower below a path that the proxy in front of it may have removed."""

from typing import Any

from flower.app import Flower
from tornado.httputil import HTTPServerRequest


def serve_below(path: str) -> None:
    """Make Flower answer without its ``url_prefix`` too, which it would take for unknown pages.

    So it also answers where it listens, as health checks ask.

    :param path: that of the public URL, without a slash at its end
    """
    find_handler = Flower.find_handler

    def find_below(flower: Flower, request: HTTPServerRequest, **more: Any) -> Any:
        if request.path == path:
            request.path += "/"
        elif not request.path.startswith(f"{path}/"):
            request.path = path + request.path
            request.uri = f"{path}{request.uri}"
        return find_handler(flower, request, **more)

    Flower.find_handler = find_below
