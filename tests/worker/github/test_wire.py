"""What only a real socket shows: connections that break, drip or never end."""

import gzip
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest

from simulator import Fault, FaultKind, serving
from simulator.delivery import Cut
from tests.worker.github.lab import API, Lab
from worker.github.errors import Limited, TryAgain
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


LIMITS = [
    Fault(FaultKind.SECONDARY_LIMIT, retry_after=20),
    Fault(FaultKind.SECONDARY_LIMIT, status=429, retry_after=20),
    Fault(FaultKind.SECONDARY_LIMIT, status=200, retry_after=20),
    Fault(FaultKind.SECONDARY_LIMIT),
    Fault(FaultKind.SECONDARY_LIMIT, status=429, headers=False),
    Fault(FaultKind.SECONDARY_LIMIT, headers=False),
    Fault(FaultKind.SECONDARY_LIMIT, remaining=0, seconds=60),
    Fault(FaultKind.PRIMARY_LIMIT),
    Fault(FaultKind.LAST_POINT),
]


@pytest.mark.parametrize("over_wire", [True, False])
@pytest.mark.parametrize("fault", LIMITS, ids=range(len(LIMITS)))
@pytest.mark.parametrize("cut", [0, 30])
def test_a_wait_in_the_headers_holds_although_the_body_breaks(
    lab: Lab, fault: Fault, cut: int, over_wire: bool
) -> None:
    lab.add("octocat")
    lab.simulator.fail(replace(fault, cut=cut))
    with serving(lab.simulator) as url:
        transport = lab.transport(base_url=url if over_wire else API, over_wire=over_wire)

        for _ in range(4):
            with suppress(Limited, TryAgain):
                transport.query(FIND_ACCOUNT, {"login": "octocat"}, is_load=True).usable()

    assert len(lab.simulator.requests) == 1
    assert lab.simulator.violations == []


@pytest.mark.parametrize(
    ("status", "headers", "meaning"),
    [
        (429, {}, Meaning.LIMITED),
        (403, {}, Meaning.LIMITED),
        (403, {"retry-after": "7"}, Meaning.LIMITED),
        (403, {"x-github-sso": "required"}, Meaning.BLOCKED),
        (503, {"retry-after": "7"}, Meaning.LIMITED),
        (200, {"retry-after": "7"}, Meaning.LIMITED),
        (502, {}, Meaning.TRY_AGAIN),
        (200, {}, Meaning.TRY_AGAIN),
        (401, {}, Meaning.CREDENTIALS_REFUSED),
        (404, {}, Meaning.GONE),
        (451, {}, Meaning.BLOCKED),
        (422, {}, Meaning.QUERY_WRONG),
        (304, {}, Meaning.UNCHANGED),
        (301, {"location": f"{API}/users/other"}, Meaning.MOVED),
    ],
)
@pytest.mark.parametrize("how", ["cut", "no gzip", "too large"])
def test_status_and_headers_count_if_the_body_breaks(
    lab: Lab, status: int, headers: dict[str, str], meaning: Meaning, how: str
) -> None:
    stream: httpx.SyncByteStream = Cut(b'{"message": "incomplete', 12)
    if how == "no gzip":
        headers, stream = headers | {"content-encoding": "gzip"}, httpx.ByteStream(b"no gzip")
    elif how == "too large":
        stream = httpx.ByteStream(b" " * 20_000_001)

    answer = lab.transport(lambda _: httpx.Response(status, headers=headers, stream=stream)).get(
        "/users/octocat"
    )

    assert answer.meaning is meaning
    assert answer.wait == (7 if "retry-after" in headers else 60 if answer.wait else None)


def test_whole_looking_data_of_a_broken_answer_is_not_used(lab: Lab) -> None:
    body = b'{"id": 1, "login": "octocat"}'

    answer = lab.transport(lambda _: httpx.Response(200, stream=Cut(body, len(body)))).get(
        "/user/1"
    )

    assert answer.meaning is Meaning.TRY_AGAIN
    assert answer.data is None


def test_a_limit_in_a_body_that_is_cut_by_a_proxy_is_a_limit(lab: Lab) -> None:
    lab.add("octocat")
    half = '{"message": "You have exceeded a secondary rate limit. Please wait a few'
    lab.simulator.fail(Fault(FaultKind.ANSWER, status=403, text=half))

    assert lab.transport().get("/users/octocat").meaning is Meaning.LIMITED
    assert len(lab.simulator.requests) == 1


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
