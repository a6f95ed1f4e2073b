"""Addresses under which visitors reach the API and Flower, and the proxies in between."""

import re
from ipaddress import IPv4Network, ip_network
from urllib.parse import urlsplit

_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)*")
"""What needs no escaping in a header, in HTML or in a cookie's path."""

_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")

_DEFAULT_PORTS = {"http": 80, "https": 443}

ANY_PROXY = "*"


def check_web_address(text: str) -> str:
    """Return an address as browsers write it in ``Origin``, with the path and no slash at its end.

    :raise ValueError: it has another scheme, no host, or a query, or its path has odd characters
    """
    text = text.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        scheme, port = parts.scheme.lower(), parts.port
        host = _ascii_host(parts.hostname or "")
    except ValueError:
        # UnicodeError, of a host that cannot be one, is a ValueError too.
        scheme, host = "", ""
    has_more = bool(scheme) and ("@" in parts.netloc or "?" in text or "#" in text)
    if scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host) or port == 0 or has_more:
        raise ValueError(
            "must be a URL with a host, an optional port and an optional path alone,"
            " such as https://example.org/repopulse"
        )
    if not _PATH.fullmatch(parts.path):
        raise ValueError("its path may have letters, digits and the signs . _ ~ - alone")
    shown_port = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    return f"{scheme}://{host}{shown_port}{parts.path}"


def _ascii_host(host: str) -> str:
    if ":" in host:
        return f"[{host}]"
    return host.encode("idna").decode()


def path_of(address: str | None) -> str:
    """Return the path of a checked address: empty for none, and at the root of its host."""
    return "" if address is None else urlsplit(address).path


def split_proxies(value: object) -> object:
    """Return the addresses and networks of a list that is separated by commas; ``*`` is any.

    :raise ValueError: one is neither an address nor a network
    """
    if not isinstance(value, str):
        return value
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    if ANY_PROXY in entries:
        return (ANY_PROXY,)
    try:
        # A network may be written with the address of a host in it.
        return tuple(str(ip_network(entry, strict=False)) for entry in entries)
    except ValueError:
        raise ValueError(
            "must be addresses or networks like 10.0.0.7,172.16.0.0/12, separated by commas, or *"
        ) from None


def as_seen_by_listeners(proxies: tuple[str, ...]) -> list[str]:
    """Return networks with their IPv6 form: a socket on ``::`` sees IPv4 clients by it."""
    mapped = [
        f"::ffff:{network.network_address}/{96 + network.prefixlen}"
        for entry in proxies
        if entry != ANY_PROXY and isinstance(network := ip_network(entry), IPv4Network)
    ]
    return [*proxies, *mapped]
