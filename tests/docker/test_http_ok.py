"""The health check of containers, against a server whose paths are below that of its public URL."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docker" / "http_ok.py"
PATH = "/repopulse/flower/healthcheck"


class Flower(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == PATH else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Flower) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "public_url", "is_ok"),
    [
        (PATH, [], True),
        # As compose passes it if it is not set.
        (PATH, [""], True),
        ("/healthcheck", ["https://example.org/repopulse/flower/"], True),
        ("/healthcheck", ["https://example.org"], False),
        ("/healthcheck", [""], False),
    ],
)
def test_the_path_of_the_public_url_is_put_before_that_of_the_check(
    port: int, path: str, public_url: list[str], is_ok: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(port), path, *public_url],
        capture_output=True,
        check=False,
    )

    assert (done.returncode == 0) is is_ok
