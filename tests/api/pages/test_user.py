"""``/users/{id}``: the numbers that the calls give, and gaps that stay gaps."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import users
from common.broker import Queue, Task
from common.repositories import Counts
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.api.pages.html import UNKNOWN, Element, fill, load
from tests.api.stand_in import sent
from tests.clock import Clock

ONE_DAY = timedelta(days=1)
TODAY = date(2026, 3, 20)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=HYPERLINK(1)",
    "שלום-עולם",
    "🦀🚀",
    "x" * 100,
    "a&amp;b",
    "\u202egnp.exe",
]


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user with two repositories and 40 days, of which one was lost."""
    clock.set(TODAY)
    owner = factories.add_user(connection, login="adam", name="Adam")
    rising = factories.add_repository(connection, owner, name="rising", day=TODAY - 40 * ONE_DAY)
    falling = factories.add_repository(connection, owner, name="falling", day=TODAY - 40 * ONE_DAY)
    lost = TODAY - 7 * ONE_DAY
    days = [TODAY - ONE_DAY * ago for ago in range(39, -1, -1) if TODAY - ONE_DAY * ago != lost]
    for at, day in enumerate(days):
        factories.add_rows(connection, owner, rising, {day: Counts(1000 + 10 * at, 5, 3)})
        factories.add_rows(connection, owner, falling, {day: Counts(5000 - at, 70, 9)})
        factories.add_scan(connection, owner, day, expected=2, recorded=2)
    connection.exec_driver_sql(
        "INSERT INTO scans (user_id, day, attempts, state, reason, expected, recorded, finished_at)"
        f" VALUES ({owner.id}, '{lost}', 3, 'failed', 'GitHub was <away>', 2, 0, now())"
    )
    return owner


def table(page: Element, section: str) -> list[list[str]]:
    return page.one("section", aria_labelledby=section).one("table").rows()


def test_the_total_is_that_of_the_newest_whole_day(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}")
    shown = {box.one("dt").text: box.all("dd") for box in page.one("dl").all("div")}

    # 1380 + 4962; the day seven before the last was lost, thirty before it there is one.
    assert shown["Stars"][0].text == "6,342"
    assert shown["Stars"][1].text == f"7 d {UNKNOWN}, 30 d +261"
    assert shown["Forks"][0].text == "75"
    assert shown["Newest whole day"][0].text == TODAY.isoformat()


def test_the_overview_shows_the_same_total(client: TestClient, user: TrackedUser) -> None:
    (row,) = load(client, "/").one("table").rows()

    assert row[1] == "6,342"
    assert row[3:5] == [UNKNOWN, "+261"]
    assert row[5:7] == ["75", "12"]
    assert row[8] == TODAY.isoformat()


def test_each_repository_has_its_counts_and_changes(client: TestClient, user: TrackedUser) -> None:
    falling, rising = table(load(client, f"/users/{user.id}"), "repositories")

    assert falling == [
        *("falling", "4,962", "70", "9", ""),
        *("\N{MINUS SIGN}1", UNKNOWN, "\N{MINUS SIGN}29", UNKNOWN),
    ]
    assert rising == [
        *("rising", "1,380", "5", "3", ""),
        *("+10", UNKNOWN, "+290", UNKNOWN),
    ]


def test_the_changes_are_of_the_metric_that_is_chosen(
    client: TestClient, user: TrackedUser
) -> None:
    page = load(client, f"/users/{user.id}?metric=forks")

    assert table(page, "repositories")[0][5:8] == ["0", UNKNOWN, "0"]
    assert page.one("nav", aria_label="Metric").one("a", aria_current="true").text == "Forks"
    chart = page.one("img", width="1100").attributes["src"] or ""
    assert chart.startswith(f"/v1/users/{user.id}/chart.svg?metric=forks&date_from=2025-12-21")
    assert "theme=auto" in chart


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("sort=name&order=asc", ["falling", "rising"]),
        ("sort=name&order=desc", ["rising", "falling"]),
        ("sort=stargazers&order=desc", ["falling", "rising"]),
        ("sort=stargazers&order=asc", ["rising", "falling"]),
        ("sort=watchers&order=desc", ["falling", "rising"]),
        ("sort=30&order=desc", ["rising", "falling"]),
        ("sort=1&order=asc", ["falling", "rising"]),
    ],
)
def test_repositories_are_sorted_by_what_is_asked_for(
    client: TestClient, user: TrackedUser, sort: str, names: list[str]
) -> None:
    page = load(client, f"/users/{user.id}?{sort}")

    assert [row[0] for row in table(page, "repositories")] == names


def test_a_repository_without_numbers_comes_last_whichever_way(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    factories.add_repository(connection, user, name="empty")

    for order in ("asc", "desc"):
        page = load(client, f"/users/{user.id}?sort=stargazers&order={order}")
        assert table(page, "repositories")[-1][:2] == ["empty", UNKNOWN]


def test_a_column_sorts_the_other_way_round_by_its_own_link(
    client: TestClient, user: TrackedUser
) -> None:
    address = f"/users/{user.id}"
    seen = []
    for _ in range(3):
        page = load(client, address)
        head = next(head for head in page.all("th", scope="col") if head.text == "30 d")
        seen.append(head.attributes["aria-sort"])
        address = f"/users/{user.id}{head.one('a').attributes['href']}".partition("#")[0]

    assert seen == ["none", "descending", "ascending"]


def test_the_movers_of_the_period_are_shown(client: TestClient, user: TrackedUser) -> None:
    first, second = table(load(client, f"/users/{user.id}?period=30"), "movers")

    # 29 recorded days, the first of them the 30th from today.
    assert first[:5] == ["rising", "1,100", "1,380", "+280", "+25.45 %"]
    assert second[:4] == ["falling", "4,990", "4,962", "\N{MINUS SIGN}28"]


def test_nothing_that_moved_is_said(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}?metric=watchers")

    assert "Nothing moved in this period" in page.one("main").text


def test_each_day_is_a_square_with_its_reason(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}")
    squares = [cell for cell in page.one("table", class_="calendar").all("td") if cell.text]

    assert len(squares) == 40
    lost = TODAY - 7 * ONE_DAY
    reason = f"{lost}: failed, 0 of 2 repositories, GitHub was <away>"
    (failed,) = [square for square in squares if square.attributes["class"] == "square failed"]
    assert failed.attributes["title"] == failed.text == reason
    assert [item.text for item in page.one("details").all("li")] == [reason]
    assert "39 of 40 days whole" in page.one("main").text


def test_days_without_a_scan_are_gaps_and_today_is_still_to_come(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(TODAY)
    user = factories.add_user(connection)
    for ago, state in ((9, ScanState.DONE), (3, ScanState.INCOMPLETE)):
        factories.add_scan(connection, user, TODAY - ago * ONE_DAY, state)

    squares = [
        (cell.attributes["class"], cell.text)
        for row in load(client, f"/users/{user.id}").one("table", class_="calendar").all("tr")
        for cell in row.all("td")
        if cell.text
    ]

    assert len(squares) == 10
    assert ("square gap", f"{TODAY - 4 * ONE_DAY}: no scan") in squares
    assert ("square part", f"{TODAY - 3 * ONE_DAY}: incomplete") in squares
    assert ("square open", f"{TODAY}: not yet") in squares


def test_a_user_who_was_never_scanned_has_a_page(
    client: TestClient, connection: Connection
) -> None:
    user = factories.add_user(connection)

    text = load(client, f"/users/{user.id}?period=all").one("main").text

    assert "There was no scan yet" in text
    assert "None is recorded yet" in text


def test_many_repositories_are_shown_page_by_page(
    client: TestClient, connection: Connection
) -> None:
    user = factories.add_user(connection)
    for number in range(230):
        factories.add_repository(connection, user, name=f"r{number:03}")

    seen: list[str] = []
    address = f"/users/{user.id}?sort=name&order=asc"
    while address:
        page = load(client, address)
        seen += [row[0] for row in table(page, "repositories")]
        following = page.all("a", rel="next")
        href = following[0].attributes["href"] if following else None
        address = f"/users/{user.id}{href}".partition("#")[0] if href else ""

    assert seen == [f"r{number:03}" for number in range(230)]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_it_is(
    client: TestClient, connection: Connection, name: str
) -> None:
    user = factories.add_user(connection, login="adam", name=name)
    repository = factories.add_repository(connection, user, name=name)

    for path in ("/", f"/users/{user.id}", f"/repos/{repository.id}"):
        page = load(client, path)
        assert name in [element.text for element in page.all("bdi")]
        assert not page.all("script")
        assert not [image for image in page.all("img") if "onerror" in image.attributes]


@pytest.mark.parametrize(
    "query",
    ["metric=stars", "period=31", "sort=x", "order=up", "page=0", "page=x", "metric=", "sort=%00"],
)
def test_a_choice_that_is_none_is_told(client: TestClient, user: TrackedUser, query: str) -> None:
    load(client, f"/users/{user.id}?{query}", status=422)


def test_nobody_is_not_found(client: TestClient) -> None:
    assert "user not found" in load(client, "/users/4711", status=404).one("main").text
    load(client, "/users/0", status=422)


def test_a_scan_can_be_asked_for_and_not_twice_in_a_moment(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    user = factories.add_user(connection)
    action = f"/users/{user.id}/scan"

    def ask() -> str:
        form = fill(load(client, f"/users/{user.id}"), action)
        answer = client.post(action, data=form, follow_redirects=False)
        assert answer.status_code == 303
        return load(client, answer.headers["location"]).one("p", role="status").text

    first = ask()
    users.release(connection, user.id)
    second = ask()

    assert first == "A scan was asked for: load the page again in a moment."
    assert second == "There was a scan a moment ago: ask again in five minutes."
    assert sent(redis_url, Queue.LOAD) == [(Task.LOAD_USER, [user.id])]


def test_another_site_cannot_ask_for_a_scan(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    user = factories.add_user(connection)
    form = fill(load(client, f"/users/{user.id}"), f"/users/{user.id}/scan")
    headers = {"Sec-Fetch-Site": "cross-site"}

    answer = client.post(f"/users/{user.id}/scan", data=form, headers=headers)

    assert answer.status_code == 403
    assert sent(redis_url, Queue.LOAD) == []
