"""The metrics of requests."""

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import Connection, text
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.http.limits import RequestLimits
from api.http.traffic import MeasureRequests, Traffic
from common import counters
from common.counters import Counted
from common.settings import Settings
from tests.api.conftest import MakeClient

Labels = tuple[str, str, str]


def requests(client: TestClient) -> dict[Labels, float]:
    """Return the counters by method, route and status."""
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == "repopulse_http_requests_total"
    }


def test_requests_are_counted_by_route_and_status(client: TestClient) -> None:
    client.put("/v1/users", json={"id": 5, "login": "allien"})
    client.get("/v1/users/5")
    client.get("/v1/users/5/stats")
    client.get("/v1/users/6")

    counters = requests(client)

    assert counters["PUT", "/v1/users", "201"] == 1
    assert counters["GET", "/v1/users/{user_id}", "200"] == 1
    assert counters["GET", "/v1/users/{user_id}/stats", "200"] == 1
    assert counters["GET", "/v1/users/{user_id}", "404"] == 1


def test_the_duration_of_each_request_is_recorded(client: TestClient) -> None:
    for _ in range(3):
        client.get("/healthz")

    labels = '{method="GET",route="/healthz"}'
    counters = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines())

    name = "repopulse_http_request_duration_seconds"
    assert counters[f"{name}_count{labels}"] == "3.0"
    assert counters[f'{name}_bucket{{le="20.0",method="GET",route="/healthz"}}'] == "3.0"
    assert 0 < float(counters[f"{name}_sum{labels}"]) < 60


def test_the_number_of_labels_is_bounded(client: TestClient) -> None:
    before = len(requests(client))
    for number in range(50):
        client.get(f"/v1/users/{number + 1}")
        client.get(f"/nowhere/{number}")
        client.get(f"/v1/users/x{number}/stats?date_from={number}")
        client.request(f"NONSENSE{number}", f"/v1/users/{number}")
        client.request(f"NONSENSE{number}", f"/nowhere/{number}")

    counters = requests(client)

    assert len(counters) - before <= 6
    assert counters["GET", "/v1/users/{user_id}", "404"] == 50
    assert counters["GET", "none", "404"] == 50
    assert counters["other", "/v1/users/{user_id}", "405"] == 50
    assert counters["other", "none", "404"] == 50


def test_head_counts_as_get(client: TestClient) -> None:
    client.head("/v1/users")

    assert requests(client)["GET", "/v1/users", "200"] == 1


def test_a_too_large_body_counts_under_its_route(client: TestClient) -> None:
    client.put("/v1/users", content=b"x" * 20_000)

    assert requests(client)["PUT", "/v1/users", "413"] == 1


async def unreachable(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the limit admits no request")


def test_a_request_refused_before_routing_counts_too(redis_url: str) -> None:
    traffic = Traffic()
    full = RequestLimits(unreachable, max_requests=0, deadline=1)
    client = TestClient(MeasureRequests(full, traffic=traffic))

    assert client.get("/v1/users").status_code == 503

    with redis.Redis.from_url(redis_url) as server:
        traffic.publish(server)
        assert counters.read(server, key=Counted.API)["requests:GET:503:none"] == 1


def test_an_internal_error_counts_as_500(client: TestClient, connection: Connection) -> None:
    connection.execute(text("ALTER TABLE users ALTER name TYPE bytea USING name::bytea"))
    connection.execute(text("INSERT INTO users (id, login, name) VALUES (5, 'a', 'b')"))

    client.get("/v1/users/5")

    assert requests(client)["GET", "/v1/users/{user_id}", "500"] == 1


def test_what_redis_did_not_take_is_added_later(redis_url: str) -> None:
    traffic = Traffic()
    client = TestClient(MeasureRequests(answer_ok, traffic=traffic))
    client.get("/healthz")
    with redis.Redis(port=1) as away, pytest.raises(redis.ConnectionError):
        traffic.publish(away)
    client.get("/healthz")

    with redis.Redis.from_url(redis_url) as server:
        traffic.publish(server)
        traffic.publish(server)
        counted = counters.read(server, key=Counted.API)

    assert counted["requests:GET:200:none"] == 2
    assert sum(count for name, count in counted.items() if name.startswith("durations")) == 2


async def answer_ok(scope: Scope, receive: Receive, send: Send) -> None:
    await Response()(scope, receive, send)


def test_requests_of_all_api_processes_add_up_in_the_answer_of_each(
    make_client: MakeClient,
) -> None:
    first, second = make_client(), make_client()
    first.get("/healthz")
    second.get("/healthz")
    # It adds its own before it answers.
    requests(first)

    assert requests(second)["GET", "/healthz", "200"] == 2
    assert requests(first)["GET", "/healthz", "200"] == 2


def test_a_process_that_ends_leaves_its_counts(make_client: MakeClient, settings: Settings) -> None:
    with TestClient(create_app(settings)) as ended:
        ended.get("/healthz")

    assert requests(make_client())["GET", "/healthz", "200"] == 1


def test_without_redis_the_requests_are_absent_and_not_lower(make_client: MakeClient) -> None:
    client = make_client(redis_url=SecretStr("redis://:secret@127.0.0.1:1/0"))
    client.get("/healthz")

    assert requests(client) == {}
