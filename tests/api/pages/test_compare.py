"""``/compare``: an address for a chart of several, and the ways to it."""

from datetime import date, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from api.queries.compare import MAX_COMPARED
from common import repositories
from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import BROWSER, UNKNOWN, Element, load
from tests.clock import Clock

TODAY = date(2024, 3, 10)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, login="allien")


@pytest.fixture
def old(connection: Connection, user: TrackedUser) -> SeenRepository:
    repository = factories.add_repository(connection, user, name="old")
    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(100, 200))
    return repository


@pytest.fixture
def new(connection: Connection, user: TrackedUser) -> SeenRepository:
    repository = factories.add_repository(connection, user, name="new")
    factories.add_history(connection, user, repository, until=TODAY, stargazers=[0, 4, 2])
    return repository


def image_of(page: Element) -> str:
    return str(page.one("main").one("img").attributes["src"])


def query_of(address: str | None) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(address or "").query)


def ticked(page: Element) -> list[tuple[str | None, str | None]]:
    boxes = page.all("input", type="checkbox", form="compare")
    return [(box.attributes["name"], box.attributes["value"]) for box in boxes]


@pytest.mark.usefixtures("old", "new")
def test_page_shows_chart_and_numbers(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    factories.add_scan(connection, user, TODAY)

    page = load(client, "/compare?repo=allien/old&repo=allien/new&user=allien")

    assert page.one("main").one("table").rows() == [
        [
            "allien/old",
            "100",
            "199",
            "+99",
            "+99.00 %",
            "2023-12-02 to 2024-03-10",
            "Remove allien/old",
        ],
        ["allien/new", "0", "2", "+2", UNKNOWN[0], "2024-03-08 to 2024-03-10", "Remove allien/new"],
        ["allien", "201", "201", UNKNOWN, UNKNOWN[0], "2024-03-10 to 2024-03-10", "Remove allien"],
    ]
    address = image_of(page)
    assert query_of(address)[:3] == [
        ("repo", "allien/old"),
        ("repo", "allien/new"),
        ("user", "allien"),
    ]
    assert client.get(address).status_code == 200
    for link in page.all("a", href=address.replace("compare.svg", "compare.csv")):
        assert client.get(str(link.attributes["href"])).status_code == 200


@pytest.mark.usefixtures("old", "new")
def test_options_stay_in_the_address(client: TestClient) -> None:
    path = "/compare?repo=allien/old&repo=allien/new&metric=forks&mode=indexed&scale=log&period=30"
    page = load(client, path)

    hrefs = [link.attributes["href"] for link in page.one("main").all("a")]
    kept = query_of(path)
    for changed in [("metric", "watchers"), ("mode", "aligned"), ("period", "90")]:
        expected = dict([*kept, changed])
        assert any(
            dict(query_of(href)) == expected and query_of(href)[:2] == kept[:2] for href in hrefs
        ), changed
    shown = dict(query_of(image_of(page)))
    assert [name for name, _ in query_of(image_of(page))].count("repo") == 2
    assert {name: shown[name] for name in ("metric", "mode", "date_from", "date_to", "scale")} == {
        "metric": "forks",
        "mode": "indexed",
        "date_from": "2024-02-10",
        "date_to": "2024-03-10",
        "scale": "log",
    }
    current = [link.text for link in page.all("a", aria_current="true")]
    assert current == ["Forks", "Indexed", "Log", "30 days"]


@pytest.mark.usefixtures("old")
def test_any_days_can_be_chosen(client: TestClient) -> None:
    page = load(client, "/compare?repo=allien/old&from=2024-03-01&to=2024-03-05")

    assert page.one("main").one("table").rows()[0][1:5] == ["190", "194", "+4", "+2.11 %"]
    assert ("date_to", "2024-03-05") in query_of(image_of(page))
    form = page.one("form", class_="days")
    assert form.one("input", type="hidden").attributes["value"] == "allien/old"


@pytest.mark.usefixtures("old")
def test_changes_have_no_choice_of_axis(client: TestClient) -> None:
    page = load(client, "/compare?repo=allien/old&mode=week&scale=log")

    assert not page.all("nav", aria_label="Axis of values")
    assert "scale" not in dict(query_of(image_of(page)))
    assert client.get(image_of(page)).status_code == 200


@pytest.mark.usefixtures("old", "new")
def test_removing_one_leaves_the_others(client: TestClient) -> None:
    page = load(client, "/compare?repo=allien/old&repo=allien/new&mode=week")

    (link,) = [link for link in page.all("a") if link.text == "Remove allien/old"]

    assert query_of(link.attributes["href"]) == [("repo", "allien/new"), ("mode", "week")]


@pytest.mark.usefixtures("old", "new")
@pytest.mark.parametrize(
    ("added", "names"),
    [
        ("allien/new", [("repo", "allien/new")]),
        ("https://github.com/allien/new.git", [("repo", "allien/new")]),
        ("allien/new\n@allien", [("repo", "allien/new"), ("user", "allien")]),
        ("https://github.com/orgs/allien/repositories", [("user", "allien")]),
        ("allien/old", []),
    ],
)
def test_what_is_added_becomes_part_of_the_address(
    client: TestClient, added: str, names: list[tuple[str, str]]
) -> None:
    answer = client.get(
        "/compare",
        params={"repo": "allien/old", "mode": "week", "add": added},
        headers=BROWSER,
        follow_redirects=False,
    )

    assert answer.status_code == 303
    assert urlsplit(answer.headers["location"]).path == "/compare"
    assert query_of(answer.headers["location"]) == [
        ("repo", "allien/old"),
        *names,
        ("mode", "week"),
    ]


@pytest.mark.usefixtures("old")
def test_below_a_prefix_links_and_redirects_have_it_once(make_client: MakeClient) -> None:
    client = make_client(public_url="https://example.org/repopulse")

    answer = client.get("/compare?add=allien/old", follow_redirects=False)
    page = load(client, "/compare?repo=allien/old")

    assert answer.headers["location"] == "/repopulse/compare?repo=allien/old"
    assert image_of(page).startswith("/repopulse/v1/compare.svg?")


@pytest.mark.usefixtures("old")
def test_what_cannot_be_added_stays_in_the_box(client: TestClient) -> None:
    page = load(client, "/compare?repo=allien/old&add=no+such+login%3F")

    assert page.one("textarea", id="names").text == "no such login?"
    assert "Did you mean no-such-login" in page.one("div", id="problem").text
    assert image_of(page)


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize(
    "missing", ["nobody/nothing", "<script>", "a\0b", "9" * 30, "1", "a" * 200, "\ud800", "é"]
)
def test_what_is_not_followed_is_named_and_the_rest_shown(client: TestClient, missing: str) -> None:
    page = load(client, f"/compare?repo=allien/old&repo={quoted(missing)}")

    assert page.one("p", id="problem").text.startswith("Not followed here: ")
    if missing.isprintable() and missing.isascii():
        assert page.one("p", id="problem").one("q").text == missing
        assert page.one("textarea", id="names").text == missing
    names = [value for name, value in query_of(image_of(page)) if name == "repo"]
    assert names == ["allien/old"]


def quoted(name: str) -> str:
    return quote(name, errors="surrogatepass")


@pytest.mark.usefixtures("user")
def test_more_than_fit_are_left_out_with_a_word(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    for number in range(MAX_COMPARED + 2):
        factories.add_repository(connection, user, name=f"r{number}")
    names = "&".join(f"repo=allien/r{number}" for number in range(MAX_COMPARED + 2))

    page = load(client, f"/compare?{names}&user=allien")

    assert "3 more were left out" in page.one("main").text
    assert len(page.one("table").rows()) == MAX_COMPARED
    assert client.get(image_of(page)).status_code == 200


@pytest.mark.parametrize("path", ["/compare", "/compare?repo=", "/compare?user="])
def test_page_without_names_says_what_it_is_for(client: TestClient, path: str) -> None:
    page = load(client, path)

    assert page.one("h1").text == "Compare"
    assert not page.one("main").all("img")
    assert not page.one("textarea", id="names").text


@pytest.mark.parametrize(
    "query", ["mode=year", "metric=stars", "scale=loglog", "from=2024-13-01", "period=1"]
)
def test_invalid_options_are_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/compare?{query}", headers=BROWSER).status_code == 422


def test_an_id_becomes_a_name_unless_the_name_leads_elsewhere(
    client: TestClient, connection: Connection, user: TrackedUser, old: SeenRepository
) -> None:
    answer = client.get(f"/compare?repo={old.id}&mode=week", follow_redirects=False)
    assert query_of(answer.headers["location"]) == [("repo", "allien/old"), ("mode", "week")]

    repositories.mark_missing(connection, user.id, TODAY, [old.id], confirmed=True)
    taker = factories.add_repository(connection, user, name="old")

    page = load(client, f"/compare?repo={old.id}&repo={taker.id}")
    assert [row[0] for row in page.one("table").rows()] == ["allien/old", "allien/old"]


def test_every_table_has_ticks_and_a_button(
    client: TestClient, connection: Connection, user: TrackedUser, old: SeenRepository
) -> None:
    factories.add_scan(connection, user, TODAY)
    expected = {
        "/": [("repo", "allien/old"), ("user", "allien")],
        "/search?q=allien": [("user", "allien"), ("repo", "allien/old")],
        "/u/allien": [("repo", str(old.id)), ("repo", "allien/old")],
    }
    for path, boxes in expected.items():
        page = load(client, path)
        assert ticked(page) == boxes, path
        form = page.one("form", id="compare")
        assert form.attributes["action"] == "/compare"
        assert form.one("button").text == "Compare"


def test_pages_lead_to_their_own_comparison(
    client: TestClient, user: TrackedUser, old: SeenRepository
) -> None:
    for path, query in [
        (f"/repos/{old.id}", ("repo", "allien/old")),
        (f"/u/{user.login}", ("user", "allien")),
    ]:
        (link,) = [
            link for link in load(client, path).all("a") if link.text == "Compare with others"
        ]
        assert query_of(link.attributes["href"]) == [query]


def test_an_old_day_is_not_beyond_the_first_known_one(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user, name="ancient")
    factories.add_rows(connection, user, repository, {TODAY - timedelta(days=4000): (1, 1, 1)})

    page = load(client, "/compare?repo=allien/ancient")

    assert page.one("table").rows()[0][1:3] == [UNKNOWN, UNKNOWN]
