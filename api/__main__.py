"""``python -m api``: serve the API until SIGTERM or SIGINT."""

import logging
import math
import signal
import socket
import sys

import uvicorn

from api.app import create_app
from api.http.limits import request_deadline
from common import environment, log
from common.db import make_engine
from common.errors import SetupError, exit_with_message
from common.redis_client import make_redis
from common.settings import Settings, get_settings
from common.web_address import as_seen_by_listeners

_MAX_CONNECTIONS = 500
"""Open connections, including idle ones; ``api.http.limits`` limits the requests that run."""


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens on the configured address.

    :raise SetupError: the address is not available
    """
    host, port = settings.api_host, settings.api_port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With its protocol, by which asyncio recognises TCP and sets TCP_NODELAY. Otherwise small
        # responses on a kept connection wait some 40 ms for the client's ACK.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        raise SetupError(
            f"the API cannot listen on {host}:{port}: {error.strerror};"
            " stop the process that uses the port, or set API_HOST and API_PORT"
        ) from error
    return listener


def main() -> None:
    """Serve the API."""
    settings = get_settings()
    log.configure(settings)
    environment.log_warnings(logging.getLogger("api"))
    # While it serves, uvicorn handles the signal, shuts down gracefully, and raises it again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Made now, so that a setting that is missing or cannot be used is one line and no traceback.
    make_engine(settings.database, process="api").dispose()
    make_redis(settings).close()
    with listen(settings) as listener:
        # Its INFO lines are about steps of the start.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings),
                log_config=None,
                # Refused clients learn the reason, and each change has its own log line.
                access_log=False,
                server_header=False,
                forwarded_allow_ips=as_seen_by_listeners(settings.trusted_proxies),
                limit_concurrency=_MAX_CONNECTIONS,
                # Running requests are answered before the process ends: each has a deadline.
                timeout_graceful_shutdown=math.ceil(request_deadline(settings)),
            )
        )
        host = settings.api_host
        logging.getLogger("api").info(
            "listening on http://%s:%d, documentation at /docs",
            f"[{host}]" if ":" in host else host,
            settings.api_port,
        )
        if settings.public_url:
            logging.getLogger("api").info("visitors see it at %s", settings.public_url)
        server.run(sockets=[listener])


if __name__ == "__main__":
    with exit_with_message():
        main()
