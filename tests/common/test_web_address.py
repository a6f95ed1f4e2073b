"""Addresses of visitors, and networks of proxies."""

import pytest

from common.errors import SetupError
from common.settings import Settings, load_settings
from common.web_address import as_seen_by_listeners, check_web_address, path_of


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ("https://example.org/repopulse/", "https://example.org/repopulse"),
        (" https://example.org/ ", "https://example.org"),
        ("HTTPS://Example.org:443/Stars", "https://example.org/Stars"),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
        ("https://example.org:8443/a/b.c_~-d", "https://example.org:8443/a/b.c_~-d"),
        ("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_address_is_as_browsers_write_it(given: str, checked: str) -> None:
    assert check_web_address(given) == checked


@pytest.mark.parametrize(
    "address",
    [
        "example.org/repopulse",
        "ftp://example.org",
        "https://",
        "https://:443/",
        "https://user@example.org",
        "https://example.org/?",
        "https://example.org/?a=b",
        "https://example.org/#top",
        "https://example.org:0",
        "https://example.org:port",
        "https://[broken",
        "https://exam ple.org",
        "https://" + "x" * 64 + ".org",
        "https://example.org/a b",
        "https://example.org//a",
        "https://example.org/a//b",
        "https://example.org/a/../b",
        "https://example.org/./b",
        "https://example.org/%61",
        'https://example.org/"onload',
        "https://example.org/a;b",
        "https://example.org/<b>",
        "https://example.org/é",
    ],
)
def test_an_address_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", address)

    with pytest.raises(SetupError, match=r"^invalid setting: PUBLIC_URL: "):
        load_settings()


def test_the_path_of_an_address() -> None:
    assert path_of("https://example.org/a/b") == "/a/b"
    assert path_of("https://example.org") == ""
    assert path_of(None) == ""


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("10.0.0.7", ("10.0.0.7/32",)),
        ("10.0.0.7, 172.18.0.1/16,::1", ("10.0.0.7/32", "172.18.0.0/16", "::1/128")),
        ("*", ("*",)),
        ("10.0.0.7,*", ("*",)),
        ("127.0.0.1,::1", Settings().trusted_proxies),
    ],
)
def test_proxies_are_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, given: str, read: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", given)

    assert load_settings().trusted_proxies == read


@pytest.mark.parametrize("given", ["nginx", "10.0.0.7/33", "10.0.0", "10.0.0.7;10.0.0.8"])
def test_a_proxy_by_name_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", given)

    with pytest.raises(SetupError, match=r"^invalid setting: TRUSTED_PROXIES: must be addresses"):
        load_settings()


def test_a_socket_for_both_families_sees_ipv4_networks_in_ipv6() -> None:
    assert as_seen_by_listeners(("10.1.0.0/16", "::1/128")) == [
        *("10.1.0.0/16", "::1/128", "::ffff:10.1.0.0/112")
    ]
    assert as_seen_by_listeners(("*",)) == ["*"]
