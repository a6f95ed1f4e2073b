"""What only a real socket shows: connections that break, drip or never end."""

import gzip

import httpx
import pytest

from simulator import Fault, FaultKind, serving
from tests.worker.github.lab import API, Lab
from worker.github.graphql import FIND_ACCOUNT
from worker.github.meaning import Meaning
from worker.github.wire import make_http_client


@pytest.mark.parametrize("kind", ["reset", "disconnect", "short_body"])
def test_a_connection_that_breaks_is_asked_again_once(lab: Lab, kind: str) -> None:
    account = lab.add("octocat")
    with serving(lab.simulator) as url:
        transport = lab.transport(base_url=url, over_wire=True)
        lab.simulator.fail(kind)
        assert transport.get("/users/octocat").data["id"] == account.id

        lab.simulator.fail(kind, times=None)
        answer = transport.query(FIND_ACCOUNT, {"login": "octocat"})

    assert answer.meaning is Meaning.TRY_AGAIN
    assert not answer.ask_for_less
    assert len(lab.simulator.requests) == 4


def test_an_answer_that_drips_for_ever_is_given_up(lab: Lab) -> None:
    lab.add("octocat")
    lab.simulator.fail(Fault(FaultKind.SLOW, seconds=60, pieces=600))
    with serving(lab.simulator) as url:
        answer = lab.transport(base_url=url, over_wire=True, deadline=0.3).get("/users/octocat")

    assert answer.meaning is Meaning.TRY_AGAIN
    assert answer.ask_for_less
    assert answer.reason == "response too large or too slow"
    assert len(lab.simulator.requests) == 1


def test_a_host_that_refuses_connections_is_a_passing_fault(lab: Lab) -> None:
    answer = lab.transport(base_url="http://127.0.0.1:1", over_wire=True).get("/users/octocat")

    assert answer.meaning is Meaning.TRY_AGAIN


def test_a_body_without_end_is_given_up_before_it_fills_the_memory(lab: Lab) -> None:
    bomb = gzip.compress(b" " * 30_000_000)

    answer = lab.transport(
        lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=bomb)
    ).get("/users/octocat")

    assert answer.meaning is Meaning.TRY_AGAIN
    assert answer.ask_for_less


def test_a_body_that_cannot_be_decoded_is_a_passing_fault(lab: Lab) -> None:
    answer = lab.transport(
        lambda _: httpx.Response(
            200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip")
        )
    ).get("/users/octocat")

    assert answer.meaning is Meaning.TRY_AGAIN


def test_every_request_says_who_asks_and_in_which_version() -> None:
    headers = make_http_client(API).headers

    assert headers["user-agent"].startswith("repopulse/")
    assert headers["x-github-api-version"] == "2026-03-10"
    assert headers["x-github-next-global-id"] == "1"
    assert "authorization" not in headers
