"""The way to GitHub: through which proxy, and which certificates are trusted.

All requests go to one host, so this is decided once, when a process makes its client.
"""

import ipaddress
import re
import ssl
from urllib.parse import urlsplit

import httpx

from common.errors import SetupError
from common.log import register_secret
from common.settings import Settings
from worker.github.sockets import make_transport

_SCHEMES = ("http", "https", "socks5", "socks5h")

_NAME = re.compile(r"[\w.-]+", re.ASCII)


def make_way(settings: Settings) -> httpx.HTTPTransport:
    """Make what carries the requests of one process; nothing connects yet.

    :raise SetupError: a proxy or a file of certificates cannot be used
    """
    return make_transport(proxy=choose_proxy(settings), verify=_trusted(settings))


def choose_proxy(settings: Settings) -> httpx.Proxy | None:
    """Return the proxy for requests to GitHub's API, or None.

    A loopback address never has one: the proxy's loopback is another machine's.

    :raise SetupError: the proxy's setting cannot be used
    """
    address = urlsplit(settings.github_api_url)
    name, proxy = "HTTPS_PROXY", settings.https_proxy
    if address.scheme == "http":
        name, proxy = "HTTP_PROXY", settings.http_proxy
    if not proxy:
        name, proxy = "ALL_PROXY", settings.all_proxy
    host = address.hostname or ""
    port = address.port or {"http": 80, "https": 443}[address.scheme]
    if not proxy or _is_loopback(host) or _is_excluded(host, port, settings.no_proxy):
        return None
    return _read_proxy(name, proxy.strip())


def unreadable_exceptions(no_proxy: str) -> list[str]:
    """Return the entries of ``NO_PROXY`` that are neither names nor addresses nor networks."""
    return [entry for entry in _entries(no_proxy) if entry != "*" and _read(entry) is None]


def _read_proxy(name: str, value: str) -> httpx.Proxy:
    """Return a proxy.

    :raise SetupError: it cannot be used; the message does not quote it, as it may hold a password
    """
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL:
        raise SetupError(f"invalid setting: {name}: must be the URL of a proxy") from None
    if url.scheme not in _SCHEMES or not url.host:
        raise SetupError(
            f"invalid setting: {name}: must be the URL of a proxy that begins with"
            f" {', '.join(f'{scheme}://' for scheme in _SCHEMES[:-1])} or {_SCHEMES[-1]}://"
        )
    register_secret(url.password)
    return httpx.Proxy(url)


def _trusted(settings: Settings) -> ssl.SSLContext | bool:
    """Return the certificates of the settings, or True for Mozilla's list.

    :raise SetupError: they cannot be read
    """
    file, directory = settings.ssl_cert_file, settings.ssl_cert_dir
    if file is None and directory is None:
        return True
    if directory is not None and not directory.is_dir():
        raise SetupError(f"invalid setting: SSL_CERT_DIR: {directory} is not a directory")
    try:
        context = ssl.create_default_context(cafile=file, capath=directory)
    except OSError as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise SetupError(
            f"invalid setting: SSL_CERT_FILE: {file} cannot be used: {reason}"
        ) from error
    # Python 3.13 refuses authorities without the extensions that RFC 5280 asks for. Those of
    # companies often lack them, and other programs accept them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _as_address(host)
    return address is not None and address.is_loopback


def _is_excluded(host: str, port: int, no_proxy: str) -> bool:
    """Return whether ``NO_PROXY`` has a host: by name, domain, address or network, as in curl."""
    for entry in _entries(no_proxy):
        if entry == "*":
            return True
        read = _read(entry)
        if read is None:
            continue
        what, its_port = read
        if its_port not in (None, port):
            continue
        if isinstance(what, str):
            if host == what or host.endswith(f".{what}"):
                return True
        elif (address := _as_address(host)) is not None and address in what:
            return True
    return False


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _entries(no_proxy: str) -> list[str]:
    return [entry.lower() for entry in re.split(r"[,\s]+", no_proxy) if entry]


def _read(entry: str) -> tuple[str | _Network, int | None] | None:
    """Return a name without its leading dot, or a network, and a port; None if it is neither."""
    text = entry.partition("://")[2] or entry
    bracketed = re.fullmatch(r"\[(.*)\](?::(\d+))?", text)
    if bracketed:
        text, number = bracketed.groups()
    else:
        found = re.fullmatch(r"([^:]*):(\d+)", text)
        text, number = found.groups() if found else (text, None)
    port = None if number is None else int(number)
    try:
        return ipaddress.ip_network(text, strict=False), port
    except ValueError:
        name = text.removeprefix("*").removeprefix(".")
        return (name, port) if _NAME.fullmatch(name) and not bracketed else None


def _as_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # ::ffff:127.0.0.1 is 127.0.0.1.
    return getattr(address, "ipv4_mapped", None) or address
