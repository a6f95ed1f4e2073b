"""The options of badges."""

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from tests import factories
from tests.api.charts.reading import texts
from tests.clock import Clock


@pytest.fixture
def repository(connection: Connection, clock: Clock) -> SeenRepository:
    user = factories.add_user(connection)
    made = factories.add_repository(connection, user)
    factories.add_rows(connection, user, made, {clock.today(): (300_123, 9, 14)})
    return made


def badge(client: TestClient, repository: SeenRepository, **params: str) -> str:
    answer = client.get(f"/v1/repos/{repository.id}/badge.svg", params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_number_may_be_short(client: TestClient, repository: SeenRepository) -> None:
    assert texts(badge(client, repository)) == ["stars", "300,123"]
    assert texts(badge(client, repository, short="true")) == ["stars", "300k"]


def test_colour_style_and_logo_can_be_chosen(
    client: TestClient, repository: SeenRepository
) -> None:
    seen = {
        badge(client, repository),
        badge(client, repository, color="brightgreen"),
        badge(client, repository, label_color="#222"),
        badge(client, repository, style="flat-square"),
        badge(client, repository, style="for-the-badge"),
        badge(client, repository, logo="true"),
    }

    assert len(seen) == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [("color", "nocolour"), ("color", '"><script>'), ("style", "round"), ("logo", "github")],
)
def test_unknown_options_are_refused(
    client: TestClient, repository: SeenRepository, name: str, value: str
) -> None:
    answer = client.get(
        f"/v1/repos/{repository.id}/badge.svg", params={name: value, "strict": "true"}
    )

    assert answer.status_code == 422


def test_badges_of_users_have_the_same_options(
    client: TestClient, repository: SeenRepository
) -> None:
    (user,) = client.get("/v1/users").json()

    answer = client.get(f"/v1/users/{user['id']}/badge.svg?logo=true&color=red")

    assert answer.status_code == 200
    assert "#e05d44" in answer.text
