"""``…/chart.png``: the pictures of ``chart.svg`` as PNG."""

import io

import pytest
from httpx2 import Response
from PIL import Image
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories
from tests.api.charts.pixels import ORANGE, WHITE, Pixels, rasterize
from tests.clock import Clock


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    return factories.add_user(connection, login="allien")


@pytest.fixture
def repository(connection: Connection, clock: Clock, user: TrackedUser) -> SeenRepository:
    made = factories.add_repository(connection, user, name="hello")
    factories.add_history(connection, user, made, until=clock.today(), stargazers=range(100, 190))
    factories.add_scan(connection, user, clock.today())
    return made


@pytest.fixture(params=["repository", "user"])
def address(request: pytest.FixtureRequest, user: TrackedUser, repository: SeenRepository) -> str:
    return {
        "repository": f"/v1/repos/{repository.id}/chart",
        "user": f"/v1/users/{user.id}/chart",
    }[request.param]


def pixels(answer: Response) -> Pixels:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return Pixels(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def test_the_png_shows_what_the_svg_shows(client: TestClient, address: str) -> None:
    svg = rasterize(client.get(f"{address}.svg?theme=light").text)
    png = pixels(client.get(f"{address}.png"))

    assert png.size == svg.size == (600, 300)
    assert png.colour(300, 3) == WHITE
    assert png.columns(ORANGE)
    line = {(x, y) for x, y in png.places(ORANGE) if 80 < x < 580 and 80 < y < 260}
    assert line == {(x, y) for x, y in svg.places(ORANGE) if 80 < x < 580 and 80 < y < 260}


def test_size_scale_and_theme_can_be_chosen(client: TestClient, address: str) -> None:
    png = pixels(client.get(f"{address}.png?width=400&height=200&scale=2&theme=dark"))

    assert png.size == (800, 400)
    assert png.colour(400, 4) == (0x0D, 0x11, 0x17)


def test_a_client_that_has_the_png_is_sent_nothing(client: TestClient, address: str) -> None:
    first = client.get(f"{address}.png")
    again = client.get(f"{address}.png", headers={"If-None-Match": first.headers["etag"]})
    twice = client.get(f"{address}.png?scale=2", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "public, max-age=300"
    assert (again.status_code, again.content) == (304, b"")
    assert twice.status_code == 200


@pytest.mark.parametrize(
    "query", ["scale=0", "scale=4", "width=2000&height=1000&scale=2", "date_from=2999-01-01"]
)
def test_a_picture_that_cannot_be_is_refused(client: TestClient, address: str, query: str) -> None:
    answer = client.get(f"{address}.png?{query}&strict=1")

    assert answer.status_code == 422


def test_a_picture_of_nothing_known_is_refused(client: TestClient) -> None:
    assert client.get("/v1/repos/1/chart.png?strict=1").status_code == 404
    assert client.get("/v1/users/1/chart.png?strict=1").status_code == 404
