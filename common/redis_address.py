"""The address of Redis: one server, or the master that Sentinels watch.

Sentinels are written as Celery writes them, with what its configuration has elsewhere in the query:
``sentinel://:password@one:26379;sentinel://:password@two:26379/0?master_name=mymaster``.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

_SENTINEL = "sentinel://"

_SENTINEL_PORT = 26379

_ENCODE = "invalid URL: in a password, write / as %2F, # as %23, ? as %3F, ; as %3B and @ as %40"

_OPTIONS = {
    *("master_name", "sentinel_username", "sentinel_password"),
    *("ssl", "ssl_cert_reqs", "ssl_ca_certs"),
}
"""What the query of an address of Sentinels may have."""


_TLS_PREFIX = "ssl_"

_FALSE = ("0", "f", "false", "n", "no")
"""As redis-py reads it."""

WITHOUT_STRICTNESS = {"ssl_exclude_verify_flags": [ssl.VERIFY_X509_STRICT]}
"""Python 3.13 refuses authorities without the extensions that RFC 5280 asks for. Those that people
make with OpenSSL lack them, and other programs accept them."""


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Sentinels, and what is needed to use the master that they watch.

    :param username: of Redis, like ``password``
    :param own_username: of the Sentinels, like ``own_password``
    """

    hosts: tuple[tuple[str, int], ...]
    master_name: str
    database: int
    username: str | None
    password: str | None = field(repr=False)
    own_username: str | None
    own_password: str | None = field(repr=False)

    @property
    def broker_url(self) -> str:
        """The address without what Celery has elsewhere; it may try any of the Sentinels first."""
        login = ""
        if self.username or self.password:
            login = f"{quote(self.username or '', '')}:{quote(self.password or '', '')}@"
        return ";".join(
            f"{_SENTINEL}{login}{f'[{host}]' if ':' in host else host}:{port}/{self.database}"
            for host, port in self.hosts
        )


def check_url(url: str) -> str:
    """Return an address without blanks around it.

    :raise ValueError: it is none, and what it should be; without any part of the address
    """
    text = url.strip()
    if not text.startswith(("redis://", "rediss://", _SENTINEL)):
        raise ValueError(
            "must be a Redis URL, such as redis://:password@host:6379/0, rediss:// or sentinel://"
        )
    try:
        is_split_in_a_password = any("@" in part.path + part.fragment for part in _split(text))
    except ValueError:
        # Without its message, which quotes a part of the password that it took for the port.
        raise ValueError(_ENCODE) from None
    if is_split_in_a_password or "@" in text.partition("?")[2]:
        # The password begins with digits, which were taken for the port.
        raise ValueError(_ENCODE)
    if ";" in text and not text.startswith(_SENTINEL):
        # Celery would take what follows for another address.
        raise ValueError(_ENCODE)
    if _query(text).get("ssl_cert_reqs", "required") not in ("required", "none"):
        raise ValueError("ssl_cert_reqs must be required, which is the default, or none")
    read_sentinels(text)
    return text


def read_sentinels(url: str) -> Sentinels | None:
    """Return what an address of Sentinels says, or None for the address of one server.

    :raise ValueError: it cannot be used; the message has no part of a password
    """
    if not url.startswith(_SENTINEL):
        return None
    query = _query(url)
    unknown = sorted(set(query) - _OPTIONS)
    if unknown:
        raise ValueError(f"{unknown[0]} is not one of {', '.join(sorted(_OPTIONS))}")
    if query.get("ssl", "true") not in ("true", "false"):
        raise ValueError("ssl must be true or false")
    hosts = []
    username = password = database = None
    for parts in _split(url):
        if parts.scheme != "sentinel" or not parts.hostname or "," in parts.hostname:
            raise ValueError(
                "separate Sentinels by semicolons:"
                " sentinel://one:26379;sentinel://two:26379/0?master_name=mymaster"
            )
        hosts.append((parts.hostname, parts.port or _SENTINEL_PORT))
        username = username or parts.username
        password = password or parts.password
        database = database or parts.path.strip("/")
    if not (database or "0").isdecimal():
        raise ValueError("the database must be a number: …/0")
    return Sentinels(
        tuple(hosts),
        query.get("master_name", "mymaster"),
        int(database or 0),
        unquote(username) if username else None,
        unquote(password) if password else None,
        query.get("sentinel_username"),
        query.get("sentinel_password"),
    )


def read_tls(url: str) -> dict[str, Any] | None:
    """Return how the certificate of Redis is to be checked, or None without TLS.

    Celery and Flower would check nothing unless told to. redis-py reads the same parameters from
    the address of one server, all but the strictness.
    """
    query = _query(url)
    if not (url.startswith("rediss://") or query.get("ssl") == "true"):
        return None
    options: dict[str, Any] = {
        name: value for name, value in query.items() if name.startswith(_TLS_PREFIX)
    }
    is_unchecked = query.get("ssl_cert_reqs") == "none"
    options["ssl_cert_reqs"] = ssl.CERT_NONE if is_unchecked else ssl.CERT_REQUIRED
    if "ssl_check_hostname" in options:
        options["ssl_check_hostname"] = options["ssl_check_hostname"].lower() not in _FALSE
    return options | WITHOUT_STRICTNESS


def without_tls_options(url: str) -> str:
    """Return the address of one server without its options of TLS.

    kombu would use them instead of those that ``read_tls`` returns.
    """
    address, _, query = url.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if not name.startswith(_TLS_PREFIX)]
    return f"{address}?{urlencode(kept)}" if kept else address


def sentinel_options(url: str, sentinels: Sentinels, timeout: float) -> dict[str, Any]:
    """Return how Sentinels themselves are asked which server is the master.

    :param timeout: seconds for each of them
    """
    return {
        "username": sentinels.own_username,
        "password": sentinels.own_password,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # Another one is asked instead.
        "retry": None,
        **with_tls(read_tls(url)),
    }


def with_tls(tls: dict[str, Any] | None) -> dict[str, Any]:
    """Return what redis-py needs for a connection with or without TLS."""
    return {} if tls is None else {"ssl": True, **tls}


def passwords(url: str) -> set[str]:
    """Return each password in the address of a server, as it is written."""
    query = parse_qsl(url.partition("?")[2])
    found = {value for name, value in query if name.endswith("password")}
    # A password may have a question mark, and so may an option have an @.
    for text in (url, url.partition("?")[0]):
        for each in _addresses(text):
            user, _, password = each.partition("://")[2].rpartition("@")[0].partition(":")
            # A password that equals the user name is not secret, and the word is in many lines.
            if password != user:
                found.add(password)
    return found


def _split(url: str) -> list[SplitResult]:
    """Return the parts of an address that are addresses of their own.

    :raise ValueError: the port of one is no number
    """
    address = url.partition("?")[0]
    found = [urlsplit(each) for each in _addresses(address)]
    for parts in found:
        _ = parts.port
    return found


def _addresses(url: str) -> list[str]:
    return url.split(";") if url.startswith(_SENTINEL) else [url]


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(url.partition("?")[2]))
