"""``python -m api``: serve the API until told to stop."""

import logging
import math
import signal
import socket
import sys

import uvicorn

from api.app import create_app
from api.http.limits import request_deadline
from common import log
from common.errors import SetupError, exit_with_message
from common.settings import Settings, get_settings

_MOST_CONNECTIONS = 500
"""Open connections, idle ones included; ``api.http.limits`` limits the requests that run."""


def _listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is started.

    :raise SetupError: it cannot be had
    """
    host, port = settings.api_host, settings.api_port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With its protocol, by which asyncio knows TCP: else small answers on a connection that is
        # kept wait for the client's word that it has the head of the answer, some 40 ms.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        raise SetupError(
            f"the API cannot listen on {host}:{port}: {error.strerror};"
            " stop what uses that port, or set API_HOST and API_PORT"
        ) from error
    return listener


def main() -> None:
    """Serve the API."""
    settings = get_settings()
    log.configure(settings)
    # The server takes the signal while it serves, ends in good order, and raises it again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Asked for now, so that a missing address is one plain line.
    _ = settings.database, settings.redis
    with _listen(settings) as listener:
        # Its own lines at INFO tell of steps that nobody waits for.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings),
                log_config=None,
                # A client that was refused knows why; what changed something has its own line.
                access_log=False,
                server_header=False,
                limit_concurrency=_MOST_CONNECTIONS,
                # Whatever was asked before the end is answered: each request has its deadline.
                timeout_graceful_shutdown=math.ceil(request_deadline(settings)),
            )
        )
        host = settings.api_host
        logging.getLogger("api").info(
            "listening on http://%s:%d, documentation at /docs",
            f"[{host}]" if ":" in host else host,
            settings.api_port,
        )
        server.run(sockets=[listener])


if __name__ == "__main__":
    with exit_with_message():
        main()
