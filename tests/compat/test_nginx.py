"""Behind nginx with TLS, configured as docs/deployment.md says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.ports import LOOPBACK, free_port
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.nginx import Front, documented, nginx, with_values
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

PREFIX = "/repopulse"
KEY = "correct horse"

DOCUMENTED = documented("Behind a reverse proxy")

AT_THE_ROOT = """
server {
    listen 443 ssl;
    ssl_certificate /etc/ssl/example.org.pem;
    ssl_certificate_key /etc/ssl/example.org.key;
    location / {
        proxy_pass http://127.0.0.1:5001;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Host $http_host;
    }
}
"""


@contextmanager
def below_a_path(
    make_system: MakeSystem,
    directory: Path,
    *processes: str,
    removes_path: bool,
    host: str = LOOPBACK,
    **more: str,
) -> Iterator[tuple[Front, System]]:
    """Run the product behind nginx as documented; the proxy may remove the path."""
    port = free_port()
    url = f"https://{host}:{port}{PREFIX}"
    system = make_system(PUBLIC_URL=url, FLOWER_PUBLIC_URL=f"{url}/flower", **more)
    end = "/;" if removes_path else ";"
    configuration = with_values(
        DOCUMENTED,
        {
            ":5001;": f":{system.environment['API_PORT']}{end}",
            ":5555;": f":{system.environment['FLOWER_PORT']}{end}",
        },
    )
    with running(system, *processes), nginx(directory, configuration, port=port) as front:
        front.origin = f"https://{host}:{port}"
        yield front, system


@contextmanager
def at_the_root(
    make_system: MakeSystem, directory: Path, configuration: str = AT_THE_ROOT, **more: str
) -> Iterator[Front]:
    """Run the API behind nginx without ``PUBLIC_URL``."""
    system = make_system(**more)
    api = f":{system.environment['API_PORT']}"
    with (
        running(system, "api"),
        nginx(directory, with_values(configuration, {":5001": api})) as front,
    ):
        yield front


def follow(client: httpx.Client, origin: str, path: str = "") -> httpx.Response:
    """Send the form as a browser would from a page of ours."""
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    return client.post(f"{path}/follow", data={"login": "octocat"}, headers=headers)


@pytest.mark.parametrize("removes_path", [False, True])
def test_below_a_path_calls_and_their_links_work(
    make_system: MakeSystem, tmp_path: Path, removes_path: bool
) -> None:
    with (
        below_a_path(make_system, tmp_path / "nginx", "api", removes_path=removes_path) as (
            front,
            system,
        ),
        front.client() as client,
    ):
        calls = f"{PREFIX}/v1/users"
        added = [client.put(calls, json={"id": number, "login": "a"}) for number in (7, 8)]
        listed = client.get(f"{calls}?limit=1")
        following = re.findall(r"<(.*?)>", listed.headers["link"])
        scan = client.post(f"{calls}/7/scan")
        # A proxy removes a path together with its last slash.
        redirected = client.get(PREFIX)

        assert [answer.headers["location"] for answer in added] == [f"{calls}/7", f"{calls}/8"]
        assert client.get(added[0].headers["location"]).json()["id"] == 7
        assert [user["id"] for user in client.get(following[0]).json()] == [8]
        assert client.get(scan.headers["location"]).status_code == 200
        assert redirected.headers["location"] == f"{front.origin}{PREFIX}/"
        assert client.get(f"{PREFIX}/readyz").json()["checks"]["postgres"] == "ok"
        # As health checks and Prometheus ask.
        assert system.call("GET", "/readyz").status_code == 200
        assert system.call("GET", "/metrics").status_code == 200


@pytest.mark.parametrize("removes_path", [False, True])
def test_below_a_path_log_in_and_forms_work_without_any_header_of_the_proxy(
    make_system: MakeSystem, tmp_path: Path, removes_path: bool
) -> None:
    with (
        below_a_path(
            make_system, tmp_path / "nginx", "api", removes_path=removes_path, API_KEY=KEY
        ) as (front, _),
        front.client() as client,
    ):
        login = client.post(f"{PREFIX}/login", data={"key": KEY}, headers={"Origin": front.origin})
        inside = follow(client, front.origin, PREFIX)
        foreign = follow(client, "https://evil.example", PREFIX)

    cookie = login.headers["set-cookie"].split("; ")
    assert (login.status_code, login.headers["location"]) == (303, f"{PREFIX}/")
    assert {f"Path={PREFIX}", "Secure", "HttpOnly", "SameSite=strict"} <= set(cookie)
    assert inside.headers["location"].startswith(f"{PREFIX}/follow/")
    assert foreign.status_code == 403


@pytest.mark.parametrize("removes_path", [False, True])
def test_flower_works_below_its_path(
    make_system: MakeSystem, tmp_path: Path, removes_path: bool
) -> None:
    with (
        below_a_path(
            make_system, tmp_path / "nginx", "api", "flower", removes_path=removes_path
        ) as (front, system),
        front.client() as client,
    ):
        status = client.get(f"{PREFIX}/status").text
        (link,) = re.findall(r'<a href="([^"]*)">Flower</a>', status)
        wait_until(lambda: client.get(link).status_code == 200, 60)
        page = client.get(link).text
        files = re.findall(r'(?:src|href)="(/[^"]*)"', page)

        assert link == f"{front.origin}{PREFIX}/flower/"
        assert len(files) > 10
        for file in files:
            assert file.startswith(f"{PREFIX}/flower/")
            assert client.get(file).status_code == 200, file
        # As the health check of its container asks.
        own = f"http://{LOOPBACK}:{system.environment['FLOWER_PORT']}"
        for path in ("/healthcheck", f"{PREFIX}/flower", "/tasks?limit=5"):
            assert httpx.get(own + path).status_code == 200, path
        assert httpx.get(f"{own}/nowhere").status_code == 404


def test_at_the_root_the_proxy_may_tell_host_and_scheme(
    make_system: MakeSystem, tmp_path: Path
) -> None:
    with (
        at_the_root(make_system, tmp_path / "nginx", API_KEY=KEY) as front,
        front.client() as client,
    ):
        login = client.post("/login", data={"key": KEY}, headers={"Origin": front.origin})

        assert "Secure" in login.headers["set-cookie"].split("; ")
        assert follow(client, front.origin).headers["location"].startswith("/follow/")


def test_a_proxy_that_is_not_trusted_does_not_tell_the_scheme(
    make_system: MakeSystem, tmp_path: Path
) -> None:
    with (
        at_the_root(
            make_system, tmp_path / "nginx", API_KEY=KEY, TRUSTED_PROXIES="10.0.0.0/8"
        ) as front,
        front.client() as client,
    ):
        login = client.post("/login", data={"key": KEY}, headers={"Origin": front.origin})

    assert login.status_code == 303
    assert "Secure" not in login.headers["set-cookie"].split("; ")


def test_a_proxy_is_trusted_by_its_network_on_a_socket_for_both_families(
    make_system: MakeSystem, tmp_path: Path
) -> None:
    with (
        at_the_root(
            make_system,
            tmp_path / "nginx",
            API_KEY=KEY,
            API_HOST="::",
            TRUSTED_PROXIES="127.0.0.0/8",
        ) as front,
        front.client() as client,
    ):
        login = client.post("/login", data={"key": KEY}, headers={"Origin": front.origin})

    assert "Secure" in login.headers["set-cookie"].split("; ")


def test_a_form_through_a_proxy_that_does_not_pass_host_is_refused_with_the_cause(
    make_system: MakeSystem, tmp_path: Path
) -> None:
    silent = with_values(AT_THE_ROOT, {"proxy_set_header Host $http_host;": ""})
    with at_the_root(make_system, tmp_path / "nginx", silent) as front, front.client() as client:
        refused = follow(client, front.origin)

    assert refused.status_code == 403
    assert "the proxy in front of it does not pass Host: set PUBLIC_URL" in refused.text
