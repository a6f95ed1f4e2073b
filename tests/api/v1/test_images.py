"""``…/chart.svg`` and ``…/badge.svg``: the right counts, and cheap to request again."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

import api.v1.badges
import api.v1.images
from api.v1 import image_responses
from common import repositories, users
from common.repositories import SeenRepository
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.api.charts.pixels import BLUE, ORANGE, rasterize
from tests.api.charts.reading import SVG, read_axes, read_description, read_title, texts
from tests.api.charts.test_line import HOSTILE
from tests.clock import Clock
from tests.servers import ROOT

TODAY = date(2024, 3, 10)

IMAGES = ("chart", "badge")


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, login="allien")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return factories.add_repository(connection, user, name="hello")


@pytest.fixture
def pen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images drawn in this test, which starts with an empty cache."""
    image_responses.render.cache_clear()
    drawings: list[str] = []
    for module, name in ((api.v1.images, "line_chart"), (api.v1.badges, "badge")):
        monkeypatch.setattr(module, name, counted(getattr(module, name), drawings))
    return drawings


def counted(draw: Callable[..., str], drawings: list[str]) -> Callable[..., str]:
    def draw_and_count(*args: object, **options: object) -> str:
        drawings.append(draw(*args, **options))
        return drawings[-1]

    return draw_and_count


def chart_of(repository: SeenRepository) -> str:
    return f"/v1/repos/{repository.id}/chart.svg"


def badge_of(repository: SeenRepository) -> str:
    return f"/v1/repos/{repository.id}/badge.svg"


def svg(client: TestClient, address: str, **params: object) -> str:
    # None, because httpx would drop the query of the address otherwise.
    query = {name: str(value) for name, value in params.items()} or None
    answer = client.get(address, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/svg+xml"
    return answer.text


def test_the_chart_of_a_repository_is_of_the_last_90_days(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(200))

    chart = svg(client, chart_of(repository))

    assert read_title(chart) == "allien/hello"
    assert read_description(chart) == (
        "Stars: 110 on 2023-12-12, 199 on 2024-03-10; lowest 110, highest 199."
    )
    assert rasterize(chart).size == (600, 300)


def test_usual_days_of_a_chart_begin_with_the_first_known_one(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    def first_day_of(**params: str) -> date:
        numbers = ET.fromstring(svg(client, chart_of(repository), place="page", **params))
        found: str = json.loads(numbers.findtext(f"{SVG}metadata") or "")["first"]
        return date.fromisoformat(found)

    assert first_day_of() == TODAY - timedelta(days=89)
    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(30))
    assert first_day_of() == TODAY - timedelta(days=29)
    assert first_day_of(metric="all", source="all") == TODAY - timedelta(days=29)
    assert first_day_of(date_from="2024-01-01") == date(2024, 1, 1)
    # A chart has at least a week.
    connection.exec_driver_sql("DELETE FROM daily_stats")
    factories.add_history(connection, user, repository, until=TODAY, stargazers=[1, 2])
    assert first_day_of() == TODAY - timedelta(days=6)


def test_notes_are_in_a_chart_that_asks_for_marks(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(30))
    text = "moved to <b>v2</b> & more"
    note = f"/v1/repos/{repository.id}/notes/2024-03-02"
    assert client.put(note, json={"text": text}).status_code in {200, 201}

    def events_of(**params: str) -> list[list[object]]:
        numbers = ET.fromstring(svg(client, chart_of(repository), place="page", **params))
        found: list[list[object]] = json.loads(numbers.findtext(f"{SVG}metadata") or "")["events"]
        return found

    assert events_of() == []
    assert events_of(marks="true", date_from="2024-03-01") == [[1, f"note: {text}"]]
    assert events_of(marks="true", date_from="2024-03-03") == []


def test_the_line_passes_through_the_recorded_counts(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    rows = {
        date(2024, 3, 1): (300_000, 7, 3),
        date(2024, 3, 2): (299_000, 9, 3),
        date(2024, 3, 6): (300_500, 4, 3),
        date(2024, 3, 9): (301_000, 5, 2),
        date(2024, 3, 10): (301_000, 5, 3),
    }
    factories.add_rows(connection, user, repository, rows)
    asked = {"date_from": "2024-03-01", "theme": "light", "width": 800, "height": 480}

    chart = svg(client, chart_of(repository), metric="all", **asked)

    stars, forks, _watchers = read_axes(chart)
    pixels = rasterize(chart)
    for day, (stargazers, forked, _) in rows.items():
        assert pixels.has(ORANGE, x=stars.x(day), y=stars.y(stargazers)), day
        assert pixels.has(BLUE, x=forks.x(day), y=forks.y(forked)), day
    unrecorded = range(int(stars.x(date(2024, 3, 3))), int(stars.x(date(2024, 3, 5))))
    rows_of_panel = range(int(stars.values[-1][1]), int(stars.values[0][1]))
    assert not [x for x, y in pixels.places(ORANGE) if x in unrecorded and y in rows_of_panel]


@pytest.mark.parametrize(
    ("metric", "label", "last"),
    [("stargazers", "Stars", "42"), ("forks", "Forks", "9"), ("watchers", "Watchers", "14")],
)
def test_a_chart_can_show_one_count(
    client: TestClient,
    *,
    connection: Connection,
    user: TrackedUser,
    repository: SeenRepository,
    metric: str,
    label: str,
    last: str,
) -> None:
    factories.add_rows(connection, user, repository, {TODAY: (42, 9, 14)})
    factories.add_scan(connection, user, TODAY)

    for address in (chart_of(repository), f"/v1/users/{user.id}/chart.svg"):
        chart = svg(client, address, metric=metric)
        assert len(read_axes(chart)) == 1
        assert {label, last} <= set(texts(chart))


def test_a_chart_without_rows_says_so(client: TestClient, repository: SeenRepository) -> None:
    assert "nothing recorded" in texts(svg(client, chart_of(repository)))


def test_the_chart_of_a_repository_includes_all_owners(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_rows(connection, user, repository, {date(2024, 3, 8): (10, 1, 1)})
    other = factories.add_user(connection, login="octocat")
    factories.add_repository(connection, other, repository.id, "hello")
    factories.add_rows(connection, other, repository, {date(2024, 3, 9): (20, 1, 1)})

    chart = svg(client, chart_of(repository))

    assert read_title(chart) == "octocat/hello"
    assert "10 on 2024-03-08, 20 on 2024-03-09" in read_description(chart)


def test_the_chart_of_a_user_shows_totals_of_complete_days_only(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    second = factories.add_repository(connection, user)
    for ago, state in enumerate(
        [ScanState.DONE, ScanState.INCOMPLETE, ScanState.DONE, ScanState.DONE]
    ):
        day = TODAY - timedelta(days=3 - ago)
        factories.add_scan(connection, user, day, state)
        factories.add_rows(connection, user, repository, {day: (1000 + ago, 1, 1)})
        if state is ScanState.DONE:
            factories.add_rows(connection, user, second, {day: (50, 1, 1)})

    chart = svg(client, f"/v1/users/{user.id}/chart.svg")

    assert read_title(chart) == "allien: all repositories"
    # 2024-03-08 has one repository of two: 1,001 would be a drop that never happened.
    assert read_description(chart) == (
        "Stars: 1,050 on 2024-03-07, 1,053 on 2024-03-10; lowest 1,050, highest 1,053;"
        " 1 day missing."
    )


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_a_chart_has_the_requested_theme_and_size(
    client: TestClient, repository: SeenRepository, theme: str
) -> None:
    chart = svg(client, chart_of(repository), theme=theme, width=400, height=240)

    assert rasterize(chart).size == (400, 240)
    paper = {"light": (255, 255, 255), "dark": (13, 17, 23), "auto": (255, 255, 255)}
    assert rasterize(chart).colour(200, 5) == paper[theme]
    assert ("prefers-color-scheme" in chart) is (theme == "auto")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, ["stars", "1,234"]),
        ({"metric": "forks"}, ["forks", "56"]),
        ({"metric": "watchers", "label": "eyes on it"}, ["eyes on it", "7"]),
    ],
)
def test_a_badge_shows_the_newest_recorded_count(
    client: TestClient,
    *,
    connection: Connection,
    user: TrackedUser,
    repository: SeenRepository,
    params: dict[str, str],
    text: list[str],
) -> None:
    long_ago = {date(2022, 1, 1): (1, 1, 1), date(2022, 1, 2): (1234, 56, 7)}
    factories.add_rows(connection, user, repository, long_ago)

    assert texts(svg(client, badge_of(repository), **params)) == text


def test_a_badge_without_rows_says_so(client: TestClient, repository: SeenRepository) -> None:
    assert texts(svg(client, badge_of(repository))) == ["stars", "not recorded yet"]


def test_the_badge_of_a_user_shows_the_total_of_the_newest_complete_day(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    other = factories.add_repository(connection, user)
    whole, partial = date(2022, 1, 2), date(2022, 1, 3)
    factories.add_rows(connection, user, repository, {whole: (1000, 2, 3), partial: (5, 5, 5)})
    factories.add_rows(connection, user, other, {whole: (234, 20, 30)})
    factories.add_scan(connection, user, whole)
    factories.add_scan(connection, user, partial, ScanState.INCOMPLETE)

    badge = f"/v1/users/{user.id}/badge.svg"

    assert texts(svg(client, badge)) == ["stars", "1,234"]
    assert texts(svg(client, badge, metric="forks", label="all forks")) == ["all forks", "22"]


def test_the_badge_of_a_user_has_no_repositories_of_others(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    taker = factories.add_user(connection)
    before = TODAY - timedelta(days=1)
    factories.add_rows(connection, user, repository, {before: (70, 2, 3)})
    factories.add_scan(connection, user, before)
    repositories.save(connection, taker.id, TODAY, [repository])
    factories.add_rows(connection, taker, repository, {TODAY: (80, 2, 3)})
    for each in (user, taker):
        factories.add_scan(connection, each, TODAY)

    shown = [texts(svg(client, f"/v1/users/{each.id}/badge.svg")) for each in (user, taker)]

    assert shown == [["stars", "0"], ["stars", "80"]]


def test_the_badge_of_a_user_without_a_complete_day_says_so(
    client: TestClient, user: TrackedUser
) -> None:
    assert texts(svg(client, f"/v1/users/{user.id}/badge.svg")) == ["stars", "not recorded yet"]


@pytest.mark.parametrize("label", HOSTILE[:-1])
def test_a_hostile_label_is_escaped(
    client: TestClient, repository: SeenRepository, label: str
) -> None:
    badge = svg(client, badge_of(repository), label=label)

    assert read_title(badge) == f"{label}: not recorded yet"
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(badge).iter()}
    assert tags == {"svg", "title", "style", "clipPath", "rect", "g", "text"}


@pytest.mark.parametrize("name", HOSTILE[:-1])
def test_a_hostile_name_is_escaped_in_the_title(
    client: TestClient, connection: Connection, user: TrackedUser, name: str
) -> None:
    repository = factories.add_repository(connection, user, name=name)

    assert read_title(svg(client, chart_of(repository))) == f"allien/{name}"


@pytest.mark.parametrize("what", ["chart", "badge", "user"])
def test_an_image_is_cacheable_and_cannot_run_scripts(
    client: TestClient, user: TrackedUser, repository: SeenRepository, what: str
) -> None:
    addresses = {
        "chart": chart_of(repository),
        "badge": badge_of(repository),
        "user": f"/v1/users/{user.id}/chart.svg",
    }

    headers = client.get(addresses[what]).headers

    assert headers["cache-control"] == "public, max-age=300"
    assert re.fullmatch('"[0-9a-f]{32}"', headers["etag"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize("path", ["chart.svg", "badge.svg"])
def test_the_same_image_is_drawn_once(
    client: TestClient, repository: SeenRepository, pen: list[str], path: str
) -> None:
    address = f"/v1/repos/{repository.id}/{path}"

    answers = [client.get(address) for _ in range(3)]

    assert {answer.text for answer in answers} == set(pen)
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert len(pen) == 1


@pytest.mark.parametrize("path", ["chart.svg", "badge.svg"])
@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', "*"])
def test_an_image_that_the_client_has_is_neither_sent_nor_drawn(
    client: TestClient, repository: SeenRepository, pen: list[str], path: str, known: str
) -> None:
    address = f"/v1/repos/{repository.id}/{path}"
    etag = client.get(address).headers["etag"]
    pen.clear()

    answer = client.get(address, headers={"If-None-Match": known.format(etag)})

    assert (answer.status_code, answer.content, pen) == (304, b"", [])
    assert answer.headers["etag"] == etag
    assert answer.headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("path", ["chart.svg", "badge.svg"])
def test_a_changed_image_is_sent(client: TestClient, repository: SeenRepository, path: str) -> None:
    answer = client.get(
        f"/v1/repos/{repository.id}/{path}", headers={"If-None-Match": '"other", "ones"'}
    )

    assert answer.status_code == 200
    assert answer.text.startswith("<svg")


def test_everything_that_changes_an_image_changes_its_etag(
    client: TestClient,
    connection: Connection,
    clock: Clock,
    user: TrackedUser,
    repository: SeenRepository,
) -> None:
    def etag(address: str = chart_of(repository), **params: object) -> str:
        answer = client.get(address, params={name: str(value) for name, value in params.items()})
        assert answer.status_code == 200, answer.text
        tag: str = answer.headers["etag"]
        return tag

    seen = [
        etag(),
        etag(theme="dark"),
        etag(metric="forks"),
        etag(metric="all"),
        etag(width=400),
        etag(height=400),
        etag(date_from="2024-03-01"),
        etag(date_to="2024-03-01"),
        etag(badge_of(repository)),
        etag(badge_of(repository), label="x"),
        etag(badge_of(repository), theme="dark"),
        etag(f"/v1/users/{user.id}/chart.svg"),
        etag(f"/v1/users/{user.id}/badge.svg", label="all"),
    ]
    factories.add_rows(connection, user, repository, {TODAY: (42, 9, 14)})
    seen += [etag(), etag(badge_of(repository))]
    factories.add_rows(connection, user, repository, {TODAY: (43, 9, 14)})
    seen += [etag(), etag(badge_of(repository))]
    unchanged = etag(badge_of(repository))
    clock.set(TODAY + timedelta(days=1))
    seen.append(etag())

    assert len(set(seen)) == len(seen)
    assert etag(badge_of(repository)) == unchanged


@pytest.mark.parametrize(
    "path", [f"/v1/{what}/1/{image}.svg" for what in ("repos", "users") for image in IMAGES]
)
def test_an_image_of_an_unknown_id_is_404(client: TestClient, path: str) -> None:
    answer = client.get(f"{path}?strict=1", headers={"If-None-Match": "*"})

    assert answer.status_code == 404
    what = "user" if "users" in path else "repository"
    assert answer.json() == {"detail": f"{what} not found"}


def test_images_of_a_deleted_user_are_404(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    assert client.get(chart_of(repository)).status_code == 200

    users.delete(connection, user.id)

    for address in (chart_of(repository), badge_of(repository), f"/v1/users/{user.id}/chart.svg"):
        assert client.get(address, params={"strict": "1"}).status_code == 404


@pytest.mark.parametrize(
    ("params", "parameter", "message"),
    [
        ({"width": "299"}, "width", "Input should be greater than or equal to 300"),
        ({"width": "2001"}, "width", "Input should be less than or equal to 2000"),
        ({"height": "199"}, "height", "Input should be greater than or equal to 200"),
        ({"height": "1001"}, "height", "Input should be less than or equal to 1000"),
        ({"theme": "pink"}, "theme", "Input should be 'light', 'dark' or 'auto'"),
        (
            {"metric": "stars"},
            "metric",
            "Input should be 'stargazers', 'forks', 'watchers' or 'all'",
        ),
        (
            {"date_from": "2024-03-02", "date_to": "2024-03-01"},
            "date_from",
            "date_from 2024-03-02 is after date_to 2024-03-01",
        ),
        (
            {"date_from": "2014-03-01"},
            "date_from",
            "2014-03-01 to 2024-03-10 is 3663 days: request at most 3660 days, ten years",
        ),
    ],
)
def test_an_invalid_image_request_is_422(
    client: TestClient,
    *,
    user: TrackedUser,
    repository: SeenRepository,
    params: dict[str, str],
    parameter: str,
    message: str,
) -> None:
    for address in (chart_of(repository), f"/v1/users/{user.id}/chart.svg"):
        answer = client.get(address, params={**params, "strict": "1"})
        assert answer.status_code == 422
        (fault,) = answer.json()["detail"]
        assert (fault["loc"], fault["msg"]) == (["query", parameter], message)


@pytest.mark.parametrize("label", ["", "x" * 101])
def test_an_empty_or_too_long_label_is_422(
    client: TestClient, repository: SeenRepository, label: str
) -> None:
    answer = client.get(badge_of(repository), params={"label": label, "strict": "1"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "label"]


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-05", "9999-12-31"])
def test_the_ends_of_the_calendar_are_drawn(
    client: TestClient, repository: SeenRepository, day: str
) -> None:
    assert day[:4] in "".join(texts(svg(client, chart_of(repository), date_to=day)))


def test_ten_years_of_three_counts_are_drawn(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(3660))

    chart = svg(client, chart_of(repository), metric="all", date_from="2014-03-04")

    assert "0 on 2014-03-04, 3,659 on 2024-03-10" in read_description(chart)
    assert len(read_axes(chart)) == 3


def test_the_charts_of_the_api_page_are_drawn(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(date(2026, 11, 1))
    pasted = re.findall(
        r"!\[.*?\]\(https://[^/]+(/v1/[^)]+)\)", (ROOT / "docs" / "api.md").read_text()
    )
    user = factories.add_user(connection, 82056671)
    factories.add_repository(connection, user, 831775037)

    assert len(pasted) == 7
    for address in pasted:
        assert svg(client, address).startswith("<svg"), address


def test_concurrent_requests_draw_an_image_once() -> None:
    image_responses.render.cache_clear()
    drawn: list[str] = []

    def render(number: int) -> bytes:
        tag = f"é{number % 5}"

        def draw() -> str:
            drawn.append(tag)
            return tag

        return image_responses.render(tag, draw)

    with ThreadPoolExecutor(8) as threads:
        pictures = list(threads.map(render, range(500)))

    assert pictures == [f"é{number % 5}".encode() for number in range(500)]
    assert sorted(drawn) == [f"é{number}" for number in range(5)]
