"""Failed exchanges in words: over real sockets where a machine can make them fail that way."""

import errno
import os
import socket
import ssl

import httpx
import pytest

from simulator import serving
from tests.worker.github.lab import Lab
from worker.github.network_errors import describe


def test_connection_refused_is_said_so(lab: Lab) -> None:
    answer = lab.transport(base_url="http://127.0.0.1:1", over_wire=True).get("/users/octocat")

    assert answer.reason == "GitHub is unreachable: connection refused"


def test_name_without_an_address_is_said_so(lab: Lab) -> None:
    # RFC 6761: no resolver knows a name below .invalid.
    url = "http://github.invalid"
    answer = lab.transport(base_url=url, over_wire=True).get("/users/octocat")

    assert answer.reason == "GitHub is unreachable: name resolution failed"


def test_server_without_tls_is_said_so(lab: Lab) -> None:
    with serving(lab.simulator) as url:
        secure = url.replace("http://", "https://")
        answer = lab.transport(base_url=secure, over_wire=True).get("/users/octocat")

    assert answer.reason == "GitHub is unreachable: no secure connection (TLS failed)"


@pytest.mark.parametrize("kind", ["reset", "disconnect", "short_body"])
def test_broken_connection_is_said_so(lab: Lab, kind: str) -> None:
    # Otherwise a body that breaks off has a 404 before it, which counts.
    lab.add("octocat")
    lab.simulator.fail(kind, times=None)
    with serving(lab.simulator) as url:
        answer = lab.transport(base_url=url, over_wire=True).get("/users/octocat")

    assert answer.reason.startswith("GitHub's answer broke off (")


def raised(error: Exception, cause: BaseException | None) -> Exception:
    error.__cause__ = cause
    return error


UNTRUSTED = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify")
UNTRUSTED.verify_message = "self-signed certificate"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            raised(httpx.ConnectError("[Errno -2]"), socket.gaierror(-2, "Name not known")),
            "GitHub is unreachable: name resolution failed",
        ),
        (
            raised(httpx.ConnectError("[Errno 101]"), OSError(errno.ENETUNREACH, "x")),
            "GitHub is unreachable: no route to the network",
        ),
        (
            raised(httpx.ConnectError("[SSL"), UNTRUSTED),
            "GitHub is unreachable: its certificate is not trusted (self-signed certificate)",
        ),
        (
            raised(httpx.ConnectError("x"), OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))),
            "GitHub is unreachable: no connection",
        ),
        (httpx.ConnectTimeout("timed out"), "GitHub is unreachable: no connection in time"),
        (httpx.ReadTimeout("The read operation"), "GitHub is unreachable: no answer in time"),
        (
            httpx.ProxyError("407 Access Denied"),
            "GitHub is unreachable: the proxy refuses the connection (407 Access Denied)",
        ),
        (
            raised(httpx.ReadError("[Errno 104]"), ConnectionResetError(errno.ECONNRESET, "x")),
            "GitHub's answer broke off (connection reset)",
        ),
        (
            httpx.RemoteProtocolError("peer closed connection without sending complete message"),
            "GitHub's answer broke off (connection closed)",
        ),
        (
            httpx.LocalProtocolError("Illegal header value b'Bearer ghp_secret '"),
            "the request to GitHub cannot be sent: a header is not valid",
        ),
        (httpx.DecodingError("Error -3"), "GitHub's answer cannot be decompressed"),
        (ValueError("Invalid port: 'x'"), "invalid URL from GitHub"),
    ],
)
def test_words_name_the_cause_and_no_number(error: Exception, words: str) -> None:
    assert describe(error) == words
    assert "Errno" not in describe(error)
