"""No step of a request outlives its permit, whatever the other side does."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from simulator import Fault, FaultKind, GitHubSimulator, World, serving
from tests.worker.github.lab import Lab
from worker.github.budget import Budget
from worker.github.meaning import Meaning, read_rest
from worker.github.sockets import make_transport
from worker.github.wire import exchange, make_http_client


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def ask(base_url: str, *, proxy: str | None = None, seconds: float = 0.3) -> str:
    """Send a request, and return why it failed."""
    transport = make_transport(proxy=httpx.Proxy(proxy) if proxy else None)
    with make_http_client(base_url, transport=transport) as client:
        request = client.build_request("GET", "/users/octocat")
        answer = exchange(client, request, read_rest, ends=time.monotonic() + seconds)
    assert answer.meaning is Meaning.TRY_AGAIN
    assert answer.ask_for_less
    return answer.reason


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.DRIP, seconds=600),
        Fault(FaultKind.SLOW, seconds=600, pieces=6000),
        # Longer than the read timeout, which would end it otherwise.
        Fault(FaultKind.SLOW, seconds=60, pieces=2),
        Fault(FaultKind.SLOW, seconds=60),
    ],
    ids=lambda fault: str(fault.kind),
)
def test_an_answer_that_takes_longer_than_the_permit_is_given_up(fault: Fault) -> None:
    world = World()
    world.add_account("octocat")
    simulator = GitHubSimulator(world)
    simulator.fail(fault)
    with serving(simulator) as url:
        assert ask(url) == "response too large or too slow"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://api.github.com", "socks5://{}"),
        ("http://api.github.com", "socks5h://user:secret@{}"),
        ("https://api.github.com", "http://{}"),
        ("https://{}", None),
    ],
)
def test_a_silent_proxy_or_host_does_not_hold_a_request(
    silent: str, url: str, proxy: str | None
) -> None:
    reason = ask(url.format(silent), proxy=proxy.format(silent) if proxy else None)

    assert reason == "response too large or too slow"


def test_nothing_is_sent_after_the_end(lab: Lab) -> None:
    with serving(lab.simulator) as url:
        ask(url, seconds=-1)

    assert lab.simulator.requests == []


def test_a_permit_is_lost_only_after_its_request_has_ended(lab: Lab) -> None:
    budget = Budget(lab.redis, lab.name, deadline=5)
    before, asked = time.time(), time.monotonic()

    permit = budget.acquire("core")

    (lost_at,) = (
        float(score) for _, score in lab.redis.zscan_iter(f"repopulse:github:{lab.name}:in_flight")
    )
    assert asked + 5 <= permit.ends <= time.monotonic() + 5
    # One second for a difference between two clocks of one host.
    assert lost_at - before > permit.ends - asked - 1 + 9
