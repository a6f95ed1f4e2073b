"""The simulator over a real socket, and its control routes."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from simulator import Account, Fault, FaultKind, GitHubSimulator, World, serving

ROOT = Path(__file__).resolve().parents[2]
USER = "/users/octocat"


@pytest.fixture
def online(simulator: GitHubSimulator) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer good"}
    with serving(simulator) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield client


def test_links_point_to_the_simulator(online: httpx.Client, world: World, octocat: Account) -> None:
    for number in range(3):
        world.add_repository(octocat, f"r{number}")

    first = online.get(f"{USER}/repos?per_page=2")
    second = online.get(first.links["next"]["url"])

    assert first.links["next"]["url"].startswith(str(online.base_url))
    assert [item["name"] for item in second.json()] == ["r2"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", httpx.ReadError),
        ("connect_error", httpx.ReadError),
        ("disconnect", httpx.RemoteProtocolError),
        ("short_body", httpx.RemoteProtocolError),
    ],
)
def test_a_broken_connection_is_broken_on_the_socket(
    online: httpx.Client, simulator: GitHubSimulator, kind: str, error: type[Exception]
) -> None:
    simulator.fail(kind)

    with pytest.raises(error):
        online.get(USER)
    assert online.get(USER).status_code == 200


def test_an_answer_breaks_after_its_headers(
    online: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=20, cut=0))

    with online.stream("GET", USER) as response:
        assert (response.status_code, response.headers["retry-after"]) == (403, "20")
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()


def test_an_answer_may_drip_from_its_first_byte(
    online: httpx.Client, simulator: GitHubSimulator, octocat: Account
) -> None:
    simulator.fail(Fault(FaultKind.DRIP, seconds=0.2))
    assert online.get(USER).json()["id"] == octocat.id

    simulator.fail(Fault(FaultKind.DRIP, seconds=600))
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        # Shorter than what a byte takes, so that not even the headers come.
        online.get(USER, timeout=0.1)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("fault", [Fault(FaultKind.TIMEOUT), Fault(FaultKind.SLOW, seconds=30)])
def test_a_missing_answer_exceeds_the_clients_timeout(
    online: httpx.Client, simulator: GitHubSimulator, fault: Fault
) -> None:
    simulator.fail(fault)

    with pytest.raises(httpx.ReadTimeout):
        online.get(USER, timeout=0.2)
    assert online.get(USER).status_code == 200


def test_a_slow_body_passes_a_timeout_that_counts_by_piece(
    online: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail(Fault(FaultKind.SLOW, seconds=0.8, pieces=8))
    begun = time.monotonic()

    response = online.get(USER, timeout=0.5)

    assert response.json()["id"] == 583231
    assert time.monotonic() - begun > 0.7


def test_requests_overlap_and_are_counted(online: httpx.Client, simulator: GitHubSimulator) -> None:
    simulator.latency = 0.3
    threads = [threading.Thread(target=lambda: online.get(USER)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert simulator.peak_in_flight == 4
    assert online.get("/_simulator").json()["requests"] == {"core": 4, "graphql": 0}


def test_a_small_answer_does_not_wait_for_an_acknowledgement(online: httpx.Client) -> None:
    online.get(USER)
    fastest = min(online.get(USER).elapsed.total_seconds() for _ in range(10))

    assert fastest < 0.03


def test_the_world_is_changed_over_http(online: httpx.Client) -> None:
    def control(method: str, path: str, **body: object) -> httpx.Response:
        response = online.request(method, f"/_simulator{path}", json=body or None)
        assert response.status_code == 200, response.text
        return response

    account = control("POST", "/accounts", login="hubot", type="Organization").json()
    added = control("POST", "/repositories", owner="hubot", name="cool", stargazers=5).json()
    control("PUT", "/day", day="2026-11-24")
    control("POST", "/mutations", kind="set_counts", repository="hubot/cool", watchers=7)
    control("POST", "/mutations", kind="rename_repository", repository=added["id"], new_name="hot")
    control("POST", "/mutations", kind="rename_account", login="hubot", new_login="robot")
    control("POST", "/faults", kind="not_found", match={"path": "robot"})

    number = str(added["id"])
    truth = {
        day: control("GET", f"/truth?day={day}").json()["repositories"][number]
        for day in ("2026-11-23", "2026-11-24")
    }
    assert truth == {
        "2026-11-23": [account["id"], 5, 0, 0],
        "2026-11-24": [account["id"], 5, 0, 7],
    }
    assert [online.get("/repos/robot/hot").status_code for _ in range(2)] == [404, 200]
    assert online.get("/repos/hubot/cool").status_code == 301
    assert control("GET", "").json()["day"] == "2026-11-24"
    assert [r["status"] for r in control("GET", "/requests").json()["requests"]] == [404, 200, 301]


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PUT", "/day", {"day": "soon"}, "Invalid isoformat"),
        ("POST", "/mutations", {"kind": "explode"}, "kind must be one of"),
        ("POST", "/mutations", {"kind": "delete_account", "login": "nobody"}, "no account"),
        ("POST", "/faults", {"kind": "nonsense"}, "not a valid FaultKind"),
        ("POST", "/faults", {"kind": "reset", "match": "("}, "is not a regular expression"),
        ("PUT", "/limits", {"secondary_form": "rude"}, "not a valid LimitForm"),
        ("POST", "/accounts", {"login": "octocat"}, "is taken"),
    ],
)
def test_a_wrong_control_request_is_explained(
    online: httpx.Client, method: str, path: str, body: dict[str, str], words: str
) -> None:
    response = online.request(method, f"/_simulator{path}", json=body)

    assert response.status_code == 422
    assert words in response.json()["error"]


def _run(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_interrupted(tmp_path: Path, ending: signal.Signals) -> None:
    port_file = tmp_path / "port"
    with _run("--port", "0", "--port-file", str(port_file), "--day", "2026-11-23") as process:
        assert process.stdout is not None
        assert "12 accounts" in process.stdout.readline()
        port = int(port_file.read_text())
        state = httpx.get(f"http://127.0.0.1:{port}/_simulator").json()
        process.send_signal(ending)
        out, err = process.communicate(timeout=10)

    assert state["day"] == "2026-11-23"
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--data", "/nowhere.csv", "cannot read /nowhere.csv"),
        ("--schema", "/nowhere.graphql", "cannot use /nowhere.graphql"),
        ("--host", "203.0.113.1", "cannot listen on 203.0.113.1:5002"),
    ],
)
def test_the_command_refuses_what_it_cannot_use_in_one_line(
    option: str, value: str, words: str
) -> None:
    with _run(option, value) as process:
        _, err = process.communicate(timeout=20)

    assert process.returncode == 1
    assert err.startswith(f"simulator: {words}")
    assert err.count("\n") == 1
