"""An image that cannot be drawn is an image of the reason, as proxies of images show no other."""

import io

import pytest
from httpx2 import Response
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from tests import factories
from tests.api.charts.pixels import rasterize
from tests.api.charts.reading import texts
from tests.api.conftest import MakeClient

NOWHERE = SecretStr("postgresql+psycopg2://nobody:x@127.0.0.1:1/none")


@pytest.fixture
def repository(connection: Connection) -> SeenRepository:
    return factories.add_repository(connection, factories.add_user(connection))


def is_of_an_error(answer: Response) -> bool:
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert not {"etag", "retry-after"} & set(answer.headers)
    return True


@pytest.mark.parametrize("path", ["/v1/repos/1/chart.svg", "/v1/repos/1/flow.svg"])
def test_a_chart_of_nothing_known_says_so(client: TestClient, path: str) -> None:
    answer = client.get(path, params={"width": "700", "height": "250", "theme": "dark"})

    assert is_of_an_error(answer)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert texts(answer.text) == ["Not found", "repository not found"]
    drawn = rasterize(answer.text)
    assert drawn.size == (700, 250)
    assert drawn.colour(350, 4) == (0x0D, 0x11, 0x17)


def test_a_badge_of_nothing_known_is_a_badge(client: TestClient) -> None:
    answer = client.get("/v1/users/1/badge.svg")

    assert is_of_an_error(answer)
    assert texts(answer.text) == ["error", "user not found"]


def test_a_png_of_nothing_known_is_a_png(client: TestClient) -> None:
    answer = client.get("/v1/users/1/chart.png?width=400&height=200&scale=2")

    assert is_of_an_error(answer)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (400, 200)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("width=7", "width: Input should be greater than or equal to 300"),
        ("width=9999999999999&height=x", "width: Input should be less than or equal to 2000;"),
        ("theme=pink", "theme: Input should be 'light', 'dark' or 'auto'"),
        ("date_from=<b>", "date_from: must be a date like 2022-06-10"),
        ("strict=maybe", "strict: must be 1, 0, true or false"),
    ],
)
def test_the_reason_is_in_the_picture(
    client: TestClient, repository: SeenRepository, query: str, reason: str
) -> None:
    answer = client.get(f"/v1/repos/{repository.id}/chart.svg?{query}")

    assert is_of_an_error(answer)
    assert " ".join(texts(answer.text)[1:]).startswith(reason)


@pytest.mark.parametrize("strict", ["1", "true"])
@pytest.mark.parametrize("name", ["chart.svg", "chart.png", "badge.svg", "flow.svg"])
def test_with_strict_the_error_is_the_answer(client: TestClient, name: str, strict: str) -> None:
    answer = client.get(f"/v1/repos/1/{name}?strict={strict}")

    assert answer.status_code == 404
    assert answer.json() == {"detail": "repository not found"}


def test_other_calls_and_pictures_that_can_be_drawn_stay_what_they_are(
    client: TestClient, repository: SeenRepository
) -> None:
    drawn = client.get(f"/v1/repos/{repository.id}/chart.svg?strict=1")

    assert drawn.status_code == 200
    assert drawn.headers["cache-control"] == "public, max-age=300"
    assert client.get("/v1/repos/1").status_code == 404
    assert client.get("/static/nothing.svg").status_code == 404
    assert client.post("/v1/repos/1/chart.svg").status_code == 405


def test_a_database_that_is_down_is_shown(make_client: MakeClient) -> None:
    client = make_client(database_url=NOWHERE)

    answer = client.get("/v1/repos/1/chart.svg")

    assert is_of_an_error(answer)
    assert texts(answer.text)[0] == "Not available now"
    assert client.get("/v1/repos/1/chart.svg?strict=1").status_code == 503


def test_head_has_the_headers_of_the_picture(client: TestClient) -> None:
    answer = client.head("/v1/repos/1/chart.svg")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


def test_a_full_server_answers_with_a_picture(make_client: MakeClient) -> None:
    client = make_client(max_requests=0)

    answer = client.get("/v1/repos/1/chart.svg")

    assert is_of_an_error(answer)
    assert texts(answer.text)[1].startswith("Too many concurrent requests.")
