"""Whether workers reach GitHub, as the API tells it: from the request to ``/readyz``."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from common import problems
from common.problems import Reports
from simulator import GITHUB_COM, Fault, FaultKind
from tests.worker.stage import Stage
from worker import reach
from worker.collect import Collector
from worker.github.meaning import Answer, Meaning
from worker.github.network_errors import UNREACHABLE


@pytest.fixture(autouse=True)
def _forget(redis_client: "redis.Redis") -> Iterator[None]:
    """Let no other test's last request count."""
    reach.publish(redis_client)
    redis_client.flushall()
    yield
    reach.publish(redis_client)


def reported(stage: Stage) -> Reports:
    """End the task and return what it reported."""
    reach.publish(stage.redis)
    return problems.read(stage.redis, problems.GITHUB)


def test_scan_without_a_network_reports_that_github_is_unreachable(
    stage: Stage, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    user = stage.follow(stage.world.add_account("adam"))
    stage.simulator.fail("connect_error", times=None)

    with caplog.at_level(logging.INFO):
        stage.sweep(collector)
        (problem,) = reported(stage).problems

    assert problem.what == "unreachable"
    assert problem.why == "no connection"
    assert stage.record(user).reason == "GitHub is unreachable: no connection"
    assert [line for line in caplog.messages if line.startswith("GitHub: ")] == [
        "GitHub: unreachable (no connection)"
    ]


def test_answer_that_is_an_error_reports_that_github_does_not_work(
    stage: Stage, collector: Collector
) -> None:
    stage.follow(stage.world.add_account("adam"))
    stage.simulator.fail("html_page", times=None)

    stage.sweep(collector)

    (problem,) = reported(stage).problems
    assert problem.what == "no usable answer"
    assert problem.why == "HTTP 502"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (
            Fault(FaultKind.ANSWER, status=404, text="<html>"),
            "no GraphQL API at this address (HTTP 404): check GITHUB_API_URL",
        ),
        (
            Fault(FaultKind.ANSWER, status=302, text=""),
            "no GraphQL API at this address (HTTP 302): check GITHUB_API_URL",
        ),
        (
            Fault(FaultKind.ANSWER, text='{"errors": [{"message": "Field \'x\' doesn\'t exist"}]}'),
            "Field 'x' doesn't exist",
        ),
        (Fault(FaultKind.ANSWER, status=405, text="{}"), "HTTP 405"),
    ],
)
def test_graphql_that_does_not_work_is_reported_although_rest_does(
    stage: Stage, collector: Collector, fault: Fault, why: str
) -> None:
    # Of a new user REST is asked first, and answers.
    user = stage.follow(stage.world.add_account("adam"))
    stage.simulator.fail(fault, times=None, match="graphql")

    stage.sweep(collector)

    (problem,) = reported(stage).problems
    assert (problem.what, problem.why) == ("no usable answer", why)
    assert stage.record(user).reason == why
    assert stage.simulator.requests[0].status == 200


def test_server_that_wants_a_token_is_reported_with_the_setting(stage: Stage) -> None:
    user = stage.follow(stage.world.add_account("adam"))
    stage.simulator.edition = replace(GITHUB_COM, is_private=True)

    stage.sweep(stage.collector(token=None))

    (problem,) = reported(stage).problems
    assert problem.what == "no usable answer"
    assert problem.why == "HTTP 401: Must authenticate to access this API: set GITHUB_TOKEN"
    assert stage.record(user).reason == "HTTP 401: Must authenticate to access this API."


@pytest.mark.parametrize("kind", ["unauthorized", "secondary_limit", "not_found"])
def test_refusal_is_an_answer(stage: Stage, collector: Collector, kind: str) -> None:
    stage.follow(stage.world.add_account("adam"))
    stage.simulator.fail(kind, times=None)

    stage.sweep(collector)

    reports = reported(stage)
    assert reports.problems == ()
    assert reports.last_success is not None


@pytest.mark.parametrize(
    ("answer", "what", "why"),
    [
        (
            Answer(
                Meaning.LIMITED, reason="HTTP 503 with Retry-After", wait=60, trace="status 503"
            ),
            "no usable answer",
            "HTTP 503 with Retry-After",
        ),
        (
            Answer(Meaning.TRY_AGAIN, reason=f"{UNREACHABLE}no answer in time", trace="status 200"),
            "no usable answer",
            "no answer in time",
        ),
        (
            Answer(Meaning.TRY_AGAIN, reason=f"{UNREACHABLE}no answer in time"),
            "unreachable",
            "no answer in time",
        ),
    ],
)
def test_answer_that_is_not_usable_is_reported_with_its_reason(
    stage: Stage, answer: Answer, what: str, why: str
) -> None:
    reach.note(answer)

    (problem,) = reported(stage).problems
    assert (problem.what, problem.why) == (what, why)


def test_first_answer_ends_the_problem(
    stage: Stage, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    stage.follow(stage.world.add_account("adam"))
    stage.simulator.fail("connect_error", times=2)
    stage.sweep(collector)
    assert reported(stage).problems
    stage.wait(minutes=20)

    with caplog.at_level(logging.INFO):
        stage.sweep(collector)
        assert reported(stage).problems == ()

    assert "GitHub answers again" in caplog.messages


def test_task_without_a_request_reports_nothing(stage: Stage) -> None:
    assert reported(stage) == Reports()


def test_report_waits_for_redis(
    stage: Stage, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.follow(stage.world.add_account("adam"))
    stage.simulator.fail("connect_error", times=None)
    stage.sweep(collector)
    with redis.Redis(port=1) as away:
        reach.publish(away)

    assert len(reported(stage).problems) == 1
