"""The way to GitHub: proxies, what is reached without them, and certificates."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest
import redis

from common.errors import SetupError
from common.settings import Settings
from simulator import serving
from tests.certificates import make_certificates
from tests.worker.github.lab import Lab
from worker.github.client import make_github
from worker.github.network import choose_proxy, make_way, unreadable_exceptions
from worker.github.wire import make_http_client

HTTPS, HTTP = "https://api.github.com", "http://github.example:8080/api/v3"
CONTAINER_NETWORK = "fd07:b51a:cc66:f0::/64"


def chosen(**changes: Any) -> str | None:
    proxy = choose_proxy(Settings(**changes))
    return None if proxy is None else str(proxy.url)


@pytest.mark.parametrize(
    ("url", "settings", "proxy"),
    [
        (HTTPS, {}, None),
        (HTTPS, {"http_proxy": "http://p:1"}, None),
        (HTTPS, {"https_proxy": "http://p:1"}, "http://p:1"),
        (HTTPS, {"https_proxy": " p:1 "}, "http://p:1"),
        (HTTPS, {"https_proxy": "https://p:1", "all_proxy": "socks://q:2"}, "https://p:1"),
        (HTTPS, {"all_proxy": "socks5://127.0.0.1:1080"}, "socks5://127.0.0.1:1080"),
        (HTTPS, {"all_proxy": "socks5h://p:1"}, "socks5h://p:1"),
        (HTTP, {"http_proxy": "http://p:1", "https_proxy": "http://q:2"}, "http://p:1"),
        (HTTP, {"all_proxy": "http://p:1"}, "http://p:1"),
    ],
)
def test_the_scheme_of_githubs_address_chooses_the_proxy(
    url: str, settings: dict[str, str], proxy: str | None
) -> None:
    assert chosen(github_api_url=url, **settings) == proxy


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5002",
        "http://127.9.9.9",
        "https://localhost:5002",
        "http://github.localhost",
        "http://[::1]:5002",
        "http://[::ffff:127.0.0.1]:5002",
    ],
)
def test_a_loopback_address_never_has_a_proxy(url: str) -> None:
    # Not even one that could not be used.
    assert chosen(github_api_url=url, all_proxy="socks4://p:1", http_proxy="p:1") is None


@pytest.mark.parametrize(
    ("host", "no_proxy"),
    [
        ("github.example", "*"),
        ("github.example", "github.example"),
        ("github.example", "other.example, GitHub.example"),
        ("api.github.example", "github.example"),
        ("api.github.example", ".github.example"),
        ("api.github.example", "*.github.example"),
        ("github.example:8080", "github.example:8080"),
        ("github.example", "https://github.example"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "localhost,10.0.0.0/8"),
        ("10.1.2.3:8080", "10.1.2.3:8080"),
        ("[fd07:b51a:cc66:f0::1]", CONTAINER_NETWORK),
        ("[fd07::1]", "fd07::1"),
        ("[fd07::1]:8080", "[fd07::1]:8080"),
        ("github.example", f"{CONTAINER_NETWORK},[fd07::1,github.example"),
    ],
)
def test_no_proxy_is_used_for_what_no_proxy_has(host: str, no_proxy: str) -> None:
    url = f"https://{host}"

    assert chosen(github_api_url=url, https_proxy="http://p:1", no_proxy=no_proxy) is None
    assert chosen(github_api_url=url, https_proxy="http://p:1") is not None


@pytest.mark.parametrize(
    "no_proxy",
    ["", ",", "localhost", "hub.com", "api.github.com:80", "140.82.0.0/16", CONTAINER_NETWORK],
)
def test_a_proxy_is_used_for_everything_else(no_proxy: str) -> None:
    assert chosen(https_proxy="http://p:1", no_proxy=no_proxy) == "http://p:1"


def test_entries_of_no_proxy_that_mean_nothing_are_named() -> None:
    readable = f"*,localhost,.a.example,10.0.0.0/8,127.0.0.1:80,::1,[::1]:80,{CONTAINER_NETWORK}"

    assert unreadable_exceptions(readable) == []
    assert unreadable_exceptions("[fd07::1, 10.0.0.0/99,a b|c,http://") == [
        "[fd07::1",
        "10.0.0.0/99",
        "b|c",
        "http://",
    ]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"all_proxy": "socks4://user:s3cret@p:1"}, "ALL_PROXY: .*socks5h://$"),
        ({"https_proxy": "ftp://s3cret"}, "HTTPS_PROXY: "),
        ({"https_proxy": "http://user:s3cret@p:port"}, "HTTPS_PROXY: "),
        ({"https_proxy": "http://"}, "HTTPS_PROXY: "),
        ({"ssl_cert_file": Path("/not/there")}, "SSL_CERT_FILE: /not/there .*No such file"),
        ({"ssl_cert_file": Path(__file__)}, "SSL_CERT_FILE: .* it holds no certificate"),
        ({"ssl_cert_dir": Path("/not/there")}, "SSL_CERT_DIR: /not/there is not a directory"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(SetupError, match=f"^invalid setting: {named}") as raised:
        make_way(Settings(**settings))

    assert "s3cret" not in str(raised.value)


def test_certificates_of_the_settings_are_trusted() -> None:
    make_way(Settings(ssl_cert_file=Path(certifi.where()))).close()


@pytest.mark.parametrize("with_key_usage", [True, False])
def test_server_of_an_own_authority_is_trusted(
    lab: Lab, tmp_path: Path, with_key_usage: bool
) -> None:
    files = make_certificates(tmp_path, with_key_usage=with_key_usage)
    with serving(lab.simulator, tls=(files.certificate, files.key)) as url:
        settings = Settings(github_api_url=url, ssl_cert_file=files.authority)
        with make_http_client(url, transport=make_way(settings)) as client:
            assert client.get("/zen").status_code < 500

        with (
            make_http_client(url, transport=make_way(Settings(github_api_url=url))) as client,
            pytest.raises(httpx.ConnectError, match="certificate verify failed"),
        ):
            client.get("/zen")


@contextmanager
def socks_proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A SOCKS5 proxy without a password for one connection after the other; yields what it saw."""
    seen: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, connect(client) as target:
                    client.sendall(b"\x05\x00\x00\x01" + bytes(6))
                    back = threading.Thread(target=pump, args=(target, client), daemon=True)
                    back.start()
                    pump(client, target)
                    back.join()

    def connect(client: socket.socket) -> socket.socket:
        client.recv(3)
        client.sendall(b"\x05\x00")
        head = client.recv(262)
        seen.append(head)
        address = head[5:-2].decode() if head[3] == 3 else socket.inet_ntoa(head[4:8])
        return socket.create_connection((address, int.from_bytes(head[-2:])))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        yield f"socks5://127.0.0.1:{listener.getsockname()[1]}", seen
        listener.shutdown(socket.SHUT_RDWR)
        server.join()


def test_requests_go_through_a_socks_proxy(lab: Lab) -> None:
    account = lab.add("octocat")
    with serving(lab.simulator) as url, socks_proxy() as (proxy, seen):
        # By an address that is not the loopback's by its name.
        other = url.replace("127.0.0.1", "0.0.0.0")
        settings = Settings(github_api_url=other, all_proxy=proxy)
        with make_http_client(other, transport=make_way(settings)) as client:
            answer = client.get("/users/octocat", headers={"authorization": "Bearer good"})

    assert answer.json()["id"] == account.id
    assert len(seen) == 1


def test_the_environment_does_not_reach_the_client(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    account = lab.add("octocat")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", CONTAINER_NETWORK)
    with serving(lab.simulator) as url, redis.Redis.from_url(redis_url) as client:
        settings = Settings(github_api_url=url, github_token=lab.settings.github_token)
        assert settings.http_proxy == "http://127.0.0.1:1"
        github = make_github(settings, client)
        try:
            assert github.find_account("octocat").id == account.id
        finally:
            github.close()
