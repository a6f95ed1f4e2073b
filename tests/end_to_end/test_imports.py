"""A history is imported by the real processes while workers are killed, and undone."""

from datetime import date, timedelta
from typing import Any

import pytest

from simulator import GitHubSimulator, World, serving
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

FIRST = date(2016, 1, 1)
DAYS = 3000
REPOSITORIES = 10

IN_A_HURRY = {"LOAD_LEASE": "3", "SWEEP_INTERVAL": "1"}
"""What a killed worker had taken is due again within seconds."""


def content(ids: list[int]) -> str:
    """Return a file with a row for each repository and day, and one that is refused."""
    lines = ["repo,date,stargazers,forks,watchers"]
    for ahead in range(DAYS):
        day = FIRST + timedelta(days=ahead)
        lines += [f"{repo_id},{day},{ahead},1," for repo_id in ids]
    return "\n".join([*lines, f"4711,{FIRST},1,1,1", ""])


def kill_while(system: System, address: str, explanation: str) -> None:
    """Kill the worker when it has begun, or when it is done already; start another."""

    def has_begun() -> bool:
        answer = system.call("GET", address)
        return answer.status_code == 404 or answer.json()["explanation"] == explanation

    def is_over() -> bool:
        answer = system.call("GET", address)
        return answer.status_code == 404 or answer.json()["state"] in ("reported", "applied")

    wait_until(lambda: has_begun() or is_over(), 60)
    system.kill("worker")
    system.start("worker")


def state_of(system: System, address: str) -> str:
    answer = system.call("GET", address)
    return "gone" if answer.status_code == 404 else str(answer.json()["state"])


def history(system: System, repo_id: int) -> list[dict[str, Any]]:
    last = FIRST + timedelta(days=DAYS - 1)
    answer = system.call("GET", f"/v1/repos/{repo_id}/history?date_from={FIRST}&date_to={last}")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["history"]
    return rows


def test_an_import_survives_its_workers(make_system: MakeSystem, world: World) -> None:
    account = world.add_account("octo", id=7)
    ids = [
        world.add_repository(account, f"r{number}", watchers=1).id for number in range(REPOSITORIES)
    ]
    github = GitHubSimulator(world, tokens={"token": world.add_account("watcher")})
    with (
        serving(github) as url,
        running(make_system(GITHUB_API_URL=url, **IN_A_HURRY), "api", "worker", "beat") as system,
    ):
        system.call("PUT", "/v1/users", json={"id": 7, "login": "octo"})
        wait_until(lambda: len(system.call("GET", "/v1/users/7/repos").json()) == REPOSITORIES, 60)

        stored = system.call(
            "POST", "/v1/imports?format=csv&name=mine", content=content(ids).encode()
        )
        assert stored.status_code == 202, stored.text
        address = stored.headers["location"]
        kill_while(system, address, "A worker reads the file.")
        wait_until(lambda: state_of(system, address) == "reported", 120)
        report = system.call("GET", address).json()["report"]
        assert (report["days"], report["refused"]) == (DAYS * REPOSITORIES, 1)
        assert (report["repeated"], history(system, ids[0])) == (0, [])

        assert system.call("POST", f"{address}/apply").status_code == 202
        kill_while(system, address, "A worker imports the rows.")
        wait_until(lambda: state_of(system, address) == "applied", 120)
        assert system.call("GET", address).json()["report"]["applied_days"] == DAYS * REPOSITORIES
        for repo_id in (ids[0], ids[-1]):
            rows = history(system, repo_id)
            assert [row["stargazers"] for row in rows] == list(range(DAYS))
            assert rows[0]["sources"] == {
                "stargazers": "import:mine",
                "forks": "import:mine",
                "watchers": None,
            }

        assert system.call("DELETE", address).status_code == 202
        wait_until(lambda: state_of(system, address) == "gone", 120)
        assert history(system, ids[0]) == []
