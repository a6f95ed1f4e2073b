"""Problems that workers report through Redis."""

from datetime import UTC, datetime

import pytest
import redis

from common import problems
from common.problems import Reports

PART = "a part"


@pytest.fixture
def client(redis_url: str) -> "redis.Redis":
    return redis.Redis.from_url(redis_url)


def now(client: "redis.Redis") -> datetime:
    seconds, microseconds = client.time()
    return datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)


def test_nothing_is_reported_of_an_empty_redis(client: "redis.Redis") -> None:
    assert problems.read(client, PART) == Reports()


def test_problem_is_read_as_it_was_reported(client: "redis.Redis") -> None:
    before = now(client)

    assert problems.report(client, PART, "worker@a", "unreachable", "name resolution failed")

    (problem,) = problems.read(client, PART).problems
    assert (problem.worker, problem.what, problem.why) == (
        "worker@a",
        "unreachable",
        "name resolution failed",
    )
    # Redis stores times to a tenth of a millisecond.
    assert abs((problem.since - before).total_seconds()) < 60
    assert problem.seen == problem.since


def test_repeated_problem_keeps_its_beginning_and_takes_the_newest_words(
    client: "redis.Redis",
) -> None:
    problems.report(client, PART, "worker@a", "unreachable", "connection refused")
    (first,) = problems.read(client, PART).problems
    assert not problems.report(client, PART, "worker@a", "no usable answer", "HTTP 502")

    (problem,) = problems.read(client, PART).problems
    assert problem.since == first.since
    assert problem.seen >= first.seen
    assert (problem.what, problem.why) == ("no usable answer", "HTTP 502")


def test_success_ends_the_problem_of_that_worker_only(client: "redis.Redis") -> None:
    for worker in ("worker@a", "worker@b"):
        problems.report(client, PART, worker, "unreachable", "connection refused")

    assert problems.end(client, PART, "worker@a")

    reports = problems.read(client, PART)
    assert [problem.worker for problem in reports.problems] == ["worker@b"]
    assert reports.last_success is not None
    assert reports.last_success >= reports.problems[0].seen
    assert not problems.end(client, PART, "worker@a")


def test_problem_that_comes_back_begins_again(client: "redis.Redis") -> None:
    problems.report(client, PART, "worker@a", "unreachable", "connection refused")
    problems.end(client, PART, "worker@a")

    assert problems.report(client, PART, "worker@a", "unreachable", "connection refused")

    reports = problems.read(client, PART)
    assert reports.last_success is not None
    assert reports.problems[0].since >= reports.last_success


def test_parts_do_not_mix(client: "redis.Redis") -> None:
    problems.report(client, PART, "worker@a", "unreachable", "connection refused")
    problems.end(client, "another part", "worker@a")

    assert len(problems.read(client, PART).problems) == 1
    assert problems.read(client, "another part").problems == ()
