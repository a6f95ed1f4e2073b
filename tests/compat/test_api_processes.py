"""Several API processes behind nginx, configured as docs/deployment.md says."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from local.ports import LOOPBACK, free_port
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.nginx import Front, documented, nginx, with_values
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

KEY = "correct horse"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}

READS = 40
WRITES = 20


class Several(NamedTuple):
    """Two API processes, ``api`` and ``api-2``, and the proxy in front of them."""

    system: System
    front: Front
    addresses: tuple[str, str]


@pytest.fixture
def several(make_system: MakeSystem, tmp_path: Path) -> Iterator[Several]:
    system = make_system(API_KEY=KEY)
    second = free_port()
    addresses = (system.address, f"http://{LOOPBACK}:{second}")
    configuration = with_values(
        documented("Several API processes"),
        {
            ":5001": f":{system.environment['API_PORT']}",
            ":5002": f":{second}",
            # So that the test sees which of them answered.
            "proxy_pass http://repopulse;": "proxy_pass http://repopulse;"
            " add_header X-Upstream $upstream_addr always;",
        },
    )
    with running(system, "api"):
        system.start("api-2", API_PORT=str(second))
        wait_until(lambda: "listening" in system.log("api-2"), 60)
        with nginx(tmp_path / "nginx", configuration) as front:
            yield Several(system, front, addresses)


def counted(address: str, client: httpx.Client | None = None) -> dict[tuple[str, str, str], float]:
    """Return what ``/metrics`` says of requests by method, route and status."""
    text = (client or httpx).get(f"{address}/metrics", timeout=30).text
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "repopulse_http_requests_total"
    }


def has_counted(address: str, labels: tuple[str, str, str], count: float) -> bool:
    return counted(address).get(labels) == count


def timed(address: str) -> float:
    """Return the number of timed requests of one user."""
    lines = httpx.get(f"{address}/metrics", timeout=30).text.splitlines()
    name = 'repopulse_http_request_duration_seconds_count{method="GET",route="/v1/users/{user_id}"}'
    (value,) = [line.split()[-1] for line in lines if line.startswith(name)]
    return float(value)


def test_requests_add_up_whichever_process_is_asked(several: Several) -> None:
    reads, writes = ("GET", "/v1/users/{user_id}", "404"), ("PUT", "/v1/users", "201")
    with several.front.client() as client:
        answers = [client.get(f"/v1/users/{number + 1}") for number in range(READS)]
        answers += [
            client.put("/v1/users", json={"id": number + 1, "login": "a"}, headers=AUTHORIZED)
            for number in range(WRITES)
        ]
        for address in several.addresses:
            wait_until(partial(has_counted, address, reads, READS), 60)
            wait_until(partial(has_counted, address, writes, WRITES), 60)
            assert timed(address) == READS
        # Prometheus may ask the proxy: no answer is lower than the one before.
        through = [counted("", client)[reads] for _ in range(4)]

    assert len({answer.headers["x-upstream"] for answer in answers}) == 2
    assert through == [READS] * 4


def test_a_login_at_one_process_is_valid_at_the_other(several: Several) -> None:
    with several.front.client() as client:
        login = client.post("/login", data={"key": KEY}, headers={"Origin": several.front.origin})
        pages = [client.get("/") for _ in range(4)]

    assert login.status_code == 303
    assert len({page.headers["x-upstream"] for page in pages}) == 2
    assert all('action="/follow"' in page.text for page in pages)


def test_one_process_may_be_replaced_while_the_other_answers(several: Several) -> None:
    reads = ("GET", "/v1/users/{user_id}", "404")
    second = several.system.processes["api-2"]
    with several.front.client() as client:
        before = [client.get("/v1/users/1").status_code for _ in range(10)]
        second.terminate()
        meanwhile = [client.get("/v1/users/1").status_code for _ in range(10)]
        assert second.wait(30) == 0
        after = [client.get("/v1/users/1").status_code for _ in range(10)]

    # What it had counted since its last report it reported at its end.
    assert before + meanwhile + after == [404] * 30
    assert counted(several.addresses[0])[reads] == 30
