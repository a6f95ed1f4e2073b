"""``/repos/{id}``: the days of a repository, its charts, and the code to embed them."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import repositories
from common.repositories import SeenRepository
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import UNKNOWN, Element, load
from tests.clock import Clock

ONE_DAY = timedelta(days=1)
TODAY = date(2026, 3, 20)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, login="adam")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return factories.add_repository(connection, user, name="hello", day=TODAY - 20 * ONE_DAY)


NO_SCAN = "no scan: the workers or beat did not run, or did not reach this user"


def days(page: Element) -> list[list[str]]:
    return page.one("section", aria_labelledby="days").one("table").rows()


def test_days_are_newest_first_and_missing_days_have_a_reason(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    for ago, stars in ((10, 100), (9, 101), (4, 1500), (1, 90)):
        day = TODAY - ago * ONE_DAY
        factories.add_rows(connection, user, repository, {day: (stars, 2, 1)})
        factories.add_scan(connection, user, day)
    connection.exec_driver_sql(
        "INSERT INTO scans (user_id, day, attempts, state, reason)"
        f" VALUES ({user.id}, '{TODAY - 2 * ONE_DAY}', 1, 'failed', 'GitHub was <away>')"
    )

    shown = days(load(client, f"/repos/{repository.id}"))

    assert shown == [
        ["2026-03-20", "not recorded: no scan yet: the day is not over"],
        ["2026-03-19", "90", "2", "1"],
        ["2026-03-18", "not recorded: GitHub was <away>"],
        ["2026-03-17", f"not recorded: {NO_SCAN}"],
        ["2026-03-16", "1,500", "2", "1"],
        ["2026-03-12 to 2026-03-15", f"not recorded: {NO_SCAN}"],
        ["2026-03-11", "101", "2", "1"],
        ["2026-03-10", "100", "2", "1"],
    ]


def test_link_leads_to_the_github_that_is_recorded(
    make_client: MakeClient, repository: SeenRepository
) -> None:
    for api, hrefs in (
        ("https://github.example.com/api/v3", ["https://github.example.com/adam/hello"]),
        ("http://127.0.0.1:5002", []),
    ):
        page = load(make_client(github_api_url=api), f"/repos/{repository.id}")
        links = [link for link in page.all("a") if link.text == "On GitHub"]
        assert [link.attributes["href"] for link in links] == hrefs


def test_latest_counts_and_changes_are_shown(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_history(
        connection, user, repository, until=TODAY, stargazers=[50, 40, 40, 40, 40, 40, 40, 45, 43]
    )

    stars, forks, _ = load(client, f"/repos/{repository.id}").all("table")[0].rows()

    assert stars == ["Stars", "43", "\N{MINUS SIGN}2", "+3", UNKNOWN, UNKNOWN]
    assert forks == ["Forks", "9", "0", "0", UNKNOWN, UNKNOWN]


def test_page_has_a_chart_of_each_metric_for_the_period(
    client: TestClient, repository: SeenRepository
) -> None:
    page = load(client, f"/repos/{repository.id}?period=365")

    charts = [image.attributes["src"] for image in page.all("img", width="1100")]
    assert charts == [
        f"/v1/repos/{repository.id}/chart.svg?metric={metric}&date_from=2025-03-21"
        "&date_to=2026-03-20&theme=auto&width=1100&height=340"
        for metric in ("stargazers", "forks", "watchers")
    ]
    assert all(image.attributes["alt"] for image in page.all("img", width="1100"))


def test_embed_code_shows_the_chart_and_links_to_the_page(
    client: TestClient, repository: SeenRepository
) -> None:
    page = load(client, f"/repos/{repository.id}")
    address = f"http://testserver/repos/{repository.id}"
    chart = f"http://testserver/v1/repos/{repository.id}/chart.svg?metric=stargazers&theme=auto"

    assert (
        page.one("textarea", id="markdown").text == f"[![Stars of adam/hello]({chart})]({address})"
    )
    assert page.one("textarea", id="html").text == (
        f'<a href="{address}"><img src="{chart.replace("&", "&amp;")}"'
        ' alt="Stars of adam/hello"></a>'
    )


def test_embed_code_escapes_the_name(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    name = '](javascript:x) "><script>'
    repository = factories.add_repository(connection, user, name=name)

    page = load(client, f"/repos/{repository.id}")

    assert r'adam/\](javascript:x) "\>\<script\>](' in page.one("textarea", id="markdown").text
    assert "&quot;&gt;&lt;script&gt;" in page.one("textarea", id="html").text


def test_gone_repository_shows_since_when(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    day = TODAY - 3 * ONE_DAY
    factories.add_rows(connection, user, repository, {day - ONE_DAY: (1, 1, 1)})
    factories.add_scan(connection, user, TODAY, ScanState.DONE)
    repositories.mark_missing(connection, user.id, day, [repository.id], confirmed=True)

    page = load(client, f"/repos/{repository.id}")

    assert "gone since 2026-03-17" in page.one("main").text
    assert days(page)[0][0] == "2026-03-16"


def test_repository_without_days_has_a_page(client: TestClient, repository: SeenRepository) -> None:
    text = load(client, f"/repos/{repository.id}?period=all").one("main").text

    assert "Not recorded yet" in text
    assert text.count("No days recorded yet") <= 1


def test_unknown_repository_is_404_and_invalid_input_422(client: TestClient) -> None:
    assert "repository not found" in load(client, "/repos/4711", status=404).one("main").text
    load(client, "/repos/x", status=422)
    load(client, "/repos/5?period=7", status=422)
