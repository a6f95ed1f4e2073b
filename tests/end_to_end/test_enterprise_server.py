"""A GitHub Enterprise Server at a company: its own addresses, its own authority, no limits."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from common.installation import claim_github
from simulator import GitHubSimulator, World, enterprise_server, serving
from tests.certificates import Certificates, make_certificates
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


@pytest.fixture
def github(world: World) -> GitHubSimulator:
    world.add_account("octocat", name="The Octocat")
    return GitHubSimulator(world, tokens={"token": None}, edition=enterprise_server())


@pytest.fixture
def address(github: GitHubSimulator, files: Certificates) -> Iterator[str]:
    with serving(github, tls=(files.certificate, files.key)) as address:
        yield address


def stats(system: System, user_id: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = system.call("GET", f"/v1/users/{user_id}/stats").json()[
        "stats"
    ]
    return found


def github_part(system: System) -> str:
    return str(system.call("GET", "/readyz").json()["checks"]["github"])


def test_login_becomes_a_user_with_rows_and_links_to_the_server(
    make_system: MakeSystem,
    world: World,
    github: GitHubSimulator,
    address: str,
    files: Certificates,
) -> None:
    octocat = world.account("octocat")
    assert octocat is not None
    hello = world.add_repository(octocat, "hello", stargazers=42, forks=9, watchers=14)
    world.add_repository(octocat, "handbook", internal=True, stargazers=1000)
    system = make_system(
        GITHUB_API_URL=f"{address}/api/v3",
        GITHUB_CONCURRENCY="4",
        SSL_CERT_FILE=str(files.authority),
        LOOKUP_WAIT="20",
        SWEEP_INTERVAL="1",
    )

    with running(system, "api", "worker", "beat"):
        added = system.call("PUT", "/v1/users", json={"login": "octocat"})
        rows = wait_until(lambda: stats(system, octocat.id), 60)
        page = system.call("GET", "/u/octocat", headers={"accept": "text/html"}).text
        logs = system.log("worker") + system.log("api")
        assert github_part(system) == "ok"

    user = {"id": octocat.id, "login": "octocat", "name": "The Octocat"}
    assert (added.status_code, added.json()) == (201, user)
    day = datetime.now(UTC).date()
    counts = {"repo_id": hello.id, "stargazers": 42, "forks": 9, "watchers": 14}
    assert [row | {"date": None} for row in rows] == [counts | {"date": None}]
    assert rows[0]["date"] in (world.day.isoformat(), day.isoformat())
    assert f'href="{address}/octocat"' in page
    assert "handbook" not in page + logs
    assert {request.path for request in github.requests} <= {
        "/api/graphql",
        f"/api/v3/user/{octocat.id}",
    }


def told_by_readiness(system: System) -> str:
    """Ask for a login and return what the part ``github`` says of it."""
    with running(system, "api", "worker"):
        assert system.call("PUT", "/v1/users", json={"login": "octocat"}).status_code == 202
        told = wait_until(lambda: github_part(system) != "ok" and github_part(system), 60)
    return str(told)


def test_readiness_says_that_the_certificate_is_not_trusted(
    make_system: MakeSystem, address: str
) -> None:
    system = make_system(GITHUB_API_URL=f"{address}/api/v3", LOOKUP_WAIT="0")

    told = told_by_readiness(system)

    assert "unreachable" in told
    assert "certificate" in told


def test_readiness_says_that_graphql_does_not_work(
    make_system: MakeSystem, address: str, files: Certificates
) -> None:
    system = make_system(
        GITHUB_API_URL=address, LOOKUP_WAIT="0", SSL_CERT_FILE=str(files.authority)
    )

    words = "no GraphQL API at this address (HTTP 404): check GITHUB_API_URL"
    assert words in told_by_readiness(system)


def test_worker_that_started_before_another_github_was_recorded_asks_nothing(
    make_system: MakeSystem, github: GitHubSimulator, engine: Engine
) -> None:
    with serving(github) as address:
        system = make_system(GITHUB_API_URL=f"{address}/api/v3", LOOKUP_WAIT="0")
        with running(system, "api", "worker"):
            wait_until(lambda: "ready." in system.log("worker"), 60)
            with engine.begin() as connection:
                claim_github(connection, "github.com")
            # The child that takes it has connected to nothing yet.
            system.call("PUT", "/v1/users", json={"login": "octocat"})
            parts = wait_until(
                lambda: (
                    (checks := system.call("GET", "/readyz").json()["checks"])["processes"] != "ok"
                    and checks
                ),
                60,
            )
            log = system.log("worker")

    other = "this database records github.com, and GITHUB_API_URL is an address of 127.0.0.1"
    assert parts["github"] == other
    assert parts["processes"].startswith(f"worker cannot start: {other}")
    assert other in log
    assert "Traceback" not in log
    assert github.requests == []
