"""``…/card.png``: what previews of links show."""

import io
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import Connection
from starlette.testclient import TestClient

import api.v1.cards
from api.charts.card import Card, draw_card
from api.charts.theme import Theme
from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    return factories.add_user(connection, login="allien")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return factories.add_repository(connection, user, name="hello")


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list[Card]:
    """The cards drawn in this test."""
    drawn: list[Card] = []

    def draw(card: Card, *, theme: Theme) -> str:
        drawn.append(card)
        return draw_card(card, theme=theme)

    monkeypatch.setattr(api.v1.cards, "draw_card", draw)
    return drawn


@pytest.fixture(params=["repos", "users"])
def address(request: pytest.FixtureRequest, user: TrackedUser, repository: SeenRepository) -> str:
    id_ = repository.id if request.param == "repos" else user.id
    return f"/v1/{request.param}/{id_}/card.png"


def test_a_card_shows_the_newest_counts_and_their_changes(
    client: TestClient,
    *,
    connection: Connection,
    clock: Clock,
    user: TrackedUser,
    repository: SeenRepository,
    cards: list[Card],
    address: str,
) -> None:
    factories.add_history(connection, user, repository, until=clock.today(), stargazers=range(40))
    for ago in reversed(range(40)):
        factories.add_scan(connection, user, clock.today() - timedelta(days=ago))

    answer = client.get(address)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(answer.content)).size == (1200, 630)
    (card,) = cards
    assert card.title == ("allien/hello" if "repos" in address else "allien")
    assert card.day == clock.today()
    stars = card.figures[0]
    assert (stars.label, stars.value, stars.change) == ("Stars", 39, 30)
    again = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_change_from_a_day_that_was_not_recorded_is_not_shown(
    client: TestClient,
    *,
    connection: Connection,
    clock: Clock,
    user: TrackedUser,
    repository: SeenRepository,
    cards: list[Card],
) -> None:
    factories.add_history(connection, user, repository, until=clock.today(), stargazers=range(30))

    client.get(f"/v1/repos/{repository.id}/card.png")

    assert [figure.change for figure in cards[0].figures] == [None, None, None]


def test_a_card_without_days_is_drawn(client: TestClient, cards: list[Card], address: str) -> None:
    assert client.get(f"{address}?theme=dark").headers["content-type"] == "image/png"
    assert [figure.value for figure in cards[0].figures] == [None, None, None]
    assert cards[0].day is None


def test_a_card_of_nothing_known_is_a_picture_of_that(client: TestClient) -> None:
    answer = client.get("/v1/repos/1/card.png")

    assert answer.headers["cache-control"] == "public, max-age=60"
    assert Image.open(io.BytesIO(answer.content)).size == (1200, 630)
    assert client.get("/v1/repos/1/card.png?strict=1").status_code == 404
