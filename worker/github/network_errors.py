"""What a failed exchange with GitHub means, in words for people.

The libraries' own texts, such as ``[Errno -2] Name or service not known``, differ between systems
and name no remedy. Reasons are stored with the scan and shown on the pages.
"""

import errno
import socket
import ssl

import httpx

from common.errors import causes
from common.log import redact
from worker.github.observation import clean_text

UNREACHABLE = "GitHub is unreachable: "
"""The begin of the reason where GitHub sent no answer at all."""

_MAX_REASON = 200

_NETWORK = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ENETUNREACH: "no route to the network",
    errno.ENETDOWN: "the network is down",
    errno.EHOSTUNREACH: "no route to the host",
    errno.EHOSTDOWN: "no route to the host",
    errno.ETIMEDOUT: "no connection in time",
    errno.EACCES: "the connection is forbidden on this host",
    errno.EPERM: "the connection is forbidden on this host",
    errno.EADDRNOTAVAIL: "no free local address",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
}


def describe(error: Exception) -> str:
    """Return one line that says why no whole answer came; it contains no secret."""
    line = clean_text(redact(_describe(error)))
    return line[:_MAX_REASON]


def _describe(error: Exception) -> str:
    match error:
        case httpx.ProxyError():
            # Its text is the proxy's own status line.
            return f"{UNREACHABLE}the proxy refuses the connection ({error})"
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return f"{UNREACHABLE}no connection in time"
        case httpx.TimeoutException():
            return f"{UNREACHABLE}no answer in time"
        case httpx.DecodingError():
            return "GitHub's answer cannot be decompressed"
        case httpx.UnsupportedProtocol():
            return "the address of GitHub's API does not begin with https:// or http://"
        case httpx.LocalProtocolError():
            # The text may hold a header that could not be sent.
            return "the request to GitHub cannot be sent: a header is not valid"
        case httpx.ConnectError():
            return f"{UNREACHABLE}{_cause(error) or 'no connection'}"
        case httpx.NetworkError() | httpx.RemoteProtocolError():
            return f"GitHub's answer broke off ({_cause(error) or 'connection closed'})"
        case httpx.InvalidURL() | ValueError():
            # httpx raises them while it reads a redirect, even if it does not follow it.
            return "invalid URL from GitHub"
    return f"{UNREACHABLE}the request failed ({type(error).__name__})"


def _cause(error: Exception) -> str | None:
    """Return what the operating system said; None if it said nothing."""
    for cause in causes(error):
        match cause:
            case socket.gaierror():
                return "name resolution failed"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted ({cause.verify_message})"
            case ssl.SSLError():
                return "no secure connection (TLS failed)"
            case OSError() if cause.errno in _NETWORK:
                return _NETWORK[cause.errno]
    return None
