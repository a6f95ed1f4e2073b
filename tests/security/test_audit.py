"""The audit with a service that knows a vulnerability, one that knows none, and none at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.security import audit

HOLE = {
    "id": "GHSA-0000-0000-0000",
    "summary": "authentication can be bypassed",
    "affected": [
        {
            "package": {"name": "leaky", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
        }
    ],
}


@pytest.fixture
def locked(tmp_path: Path) -> str:
    """Two locked packages, of which ``leaky`` may have a vulnerability."""
    file = tmp_path / "locked.txt"
    file.write_text(f"leaky==1.0 --hash=sha256:{'0' * 64}\nsound==2.0 --hash=sha256:{'1' * 64}\n")
    return str(file)


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every other machine unreachable."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@contextmanager
def osv(holes: dict[str, object], status: int = 200) -> Iterator[str]:
    """Serve the part of OSV that the audit uses."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            hole = holes.get(asked["package"]["name"])
            body = json.dumps({"vulns": [hole]} if hole else {}).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
            thread.join()


def test_a_known_vulnerability_fails(locked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with osv({"leaky": HOLE}) as url:
        assert audit.main([locked, "--osv-url", url]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "leaky 1.0: GHSA-0000-0000-0000, fixed in 1.1",
        "audit: 1 known vulnerabilities",
    ]


def test_packages_without_vulnerabilities_pass_and_are_counted(
    locked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with osv({}) as url:
        assert audit.main([locked, "--osv-url", url]) == 0

    assert capsys.readouterr().out == "audit: osv knows no vulnerability in 2 packages\n"


def test_services_that_cannot_be_reached_are_skipped_in_one_line(
    locked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([locked, "--osv-url", "http://127.0.0.1:1/"]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("audit: skipped")


def test_a_service_that_fails_is_skipped(locked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with osv({}, status=503) as url:
        assert audit.main([locked, "--osv-url", url]) == 0

    assert "skipped" in capsys.readouterr().out


def test_a_lock_without_hashes_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loose = tmp_path / "loose.txt"
    loose.write_text("leaky==1.0\n")

    assert audit.main([str(loose)]) == 1

    assert "does not contain a hash" in capsys.readouterr().out
