"""``/users/{id}``: total, repositories, movers, scan calendar, and the scan button."""

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
from tests.api.conftest import MakeClient
from tests.api.fake_worker import sent
from tests.api.pages.html import UNKNOWN, Element, fill, load
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
    """A user with two repositories and 40 days, one of them missing."""
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


def test_total_is_that_of_the_last_complete_day(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}")
    shown = {box.one("dt").text: box.all("dd") for box in page.one("dl").all("div")}

    # 1380 + 4962; the day 7 days ago is missing, that 30 days ago is not.
    assert shown["Stars"][0].text == "6,342"
    assert shown["Stars"][1].text == f"7 d {UNKNOWN}, 30 d +261"
    assert shown["Forks"][0].text == "75"
    assert shown["Last complete day"][0].text == TODAY.isoformat()


def test_overview_shows_the_same_total(client: TestClient, user: TrackedUser) -> None:
    (row,) = load(client, "/").one("table").rows()

    assert row[1] == "6,342"
    assert row[3:5] == [UNKNOWN, "+261"]
    assert row[5:7] == ["75", "12"]
    assert row[8] == TODAY.isoformat()


def test_repositories_have_counts_and_changes(client: TestClient, user: TrackedUser) -> None:
    falling, rising = table(load(client, f"/users/{user.id}"), "repositories")

    assert falling == [
        *("falling", "4,962", "70", "9", ""),
        *("\N{MINUS SIGN}1", UNKNOWN, "\N{MINUS SIGN}29", UNKNOWN),
    ]
    assert rising == [
        *("rising", "1,380", "5", "3", ""),
        *("+10", UNKNOWN, "+290", UNKNOWN),
    ]


def test_changes_and_chart_show_the_chosen_metric(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}?metric=forks")

    assert table(page, "repositories")[0][5:8] == ["0", UNKNOWN, "0"]
    assert page.one("nav", aria_label="Metric").one("a", aria_current="true").text == "Forks"
    chart = page.one("img", width="1136").attributes["src"] or ""
    assert chart.startswith(
        f"/v1/users/{user.id}/chart.svg?metric=forks&source=all&date_from=2026-02-09"
    )
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
def test_repositories_are_sorted_by_the_chosen_column(
    client: TestClient, user: TrackedUser, sort: str, names: list[str]
) -> None:
    page = load(client, f"/users/{user.id}?{sort}")

    assert [row[0] for row in table(page, "repositories")] == names


@pytest.mark.parametrize(
    ("api", "pages"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.octocorp.ghe.com", "https://octocorp.ghe.com"),
        ("https://github.example.com/api/v3", "https://github.example.com"),
        ("http://127.0.0.1:5002", None),
    ],
)
def test_link_leads_to_the_github_that_is_recorded(
    make_client: MakeClient, user: TrackedUser, api: str, pages: str | None
) -> None:
    page = load(make_client(github_api_url=api), f"/users/{user.id}")
    links = [link.attributes["href"] for link in page.all("a") if link.text == "On GitHub"]

    assert links == ([f"{pages}/adam"] if pages else [])


def test_repository_without_counts_is_last_in_both_orders(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    factories.add_repository(connection, user, name="empty")

    for order in ("asc", "desc"):
        page = load(client, f"/users/{user.id}?sort=stargazers&order={order}")
        assert table(page, "repositories")[-1][:2] == ["empty", UNKNOWN]


def test_link_of_the_sorted_column_reverses_the_order(
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


def test_movers_of_the_period_are_shown(client: TestClient, user: TrackedUser) -> None:
    first, second = table(load(client, f"/users/{user.id}?period=30"), "movers")

    # 29 recorded days, the first of them the 30th from today.
    assert first[:5] == ["rising", "1,100", "1,380", "+280", "+25.45 %"]
    assert second[:4] == ["falling", "4,990", "4,962", "\N{MINUS SIGN}28"]


def test_period_without_changes_says_so(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}?metric=watchers")

    assert "No changes in this period" in page.one("main").text


def test_calendar_has_a_square_per_day_with_its_reason(
    client: TestClient, user: TrackedUser
) -> None:
    page = load(client, f"/users/{user.id}")
    squares = [cell for cell in page.one("table", class_="calendar").all("td") if cell.text]

    assert len(squares) == 40
    lost = TODAY - 7 * ONE_DAY
    reason = f"{lost}: failed, 0 of 2 repositories, GitHub was <away>"
    (failed,) = [square for square in squares if square.attributes["class"] == "square failed"]
    assert failed.attributes["title"] == failed.text == reason
    assert [
        item.text for item in page.one("section", aria_labelledby="scans").one("details").all("li")
    ] == [reason]
    assert "39 of 40 days complete" in page.one("main").text


def test_calendar_shows_days_without_a_scan_as_gaps_and_today_as_pending(
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
    no_scan = "no scan: the workers or beat did not run, or did not reach this user"
    assert ("square gap", f"{TODAY - 4 * ONE_DAY}: {no_scan}") in squares
    assert ("square incomplete", f"{TODAY - 3 * ONE_DAY}: incomplete") in squares
    assert ("square pending", f"{TODAY}: no scan yet: the day is not over") in squares


@pytest.mark.parametrize("weekday", range(7))
def test_calendar_of_the_first_week_has_seven_rows(
    client: TestClient, connection: Connection, clock: Clock, weekday: int
) -> None:
    today = date(2026, 3, 16) + weekday * ONE_DAY
    clock.set(today)
    user = factories.add_user(connection)
    factories.add_scan(connection, user, today)

    rows = load(client, f"/users/{user.id}").one("table", class_="calendar").rows()

    assert len(rows) == 7
    assert [number for number, row in enumerate(rows) if row[1]] == [weekday]


def test_user_without_scans_has_a_page(client: TestClient, connection: Connection) -> None:
    user = factories.add_user(connection)

    text = load(client, f"/users/{user.id}?period=all").one("main").text

    assert "0 of 1 day complete" in text
    assert "no scan yet: the day is not over" in text
    assert "No repositories recorded yet" in text


def test_many_repositories_are_split_into_pages(client: TestClient, connection: Connection) -> None:
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
def test_hostile_names_are_escaped(client: TestClient, connection: Connection, name: str) -> None:
    user = factories.add_user(connection, login="adam", name=name)
    repository = factories.add_repository(connection, user, name=name)

    for path in ("/", f"/users/{user.id}", f"/repos/{repository.id}"):
        page = load(client, path)
        assert name in [element.text for element in page.all("bdi")]
        assert all("src" in script.attributes for script in page.all("script"))
        assert not [image for image in page.all("img") if "onerror" in image.attributes]


@pytest.mark.parametrize(
    "query",
    ["metric=stars", "period=31", "sort=x", "order=up", "page=0", "page=x", "metric=", "sort=%00"],
)
def test_invalid_option_is_422(client: TestClient, user: TrackedUser, query: str) -> None:
    load(client, f"/users/{user.id}?{query}", status=422)


def test_the_change_of_the_totals_is_compared_with_the_days_before(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(TODAY)
    user = factories.add_user(connection)
    for number in (1, 2):
        repository = factories.add_repository(connection, user, name=f"r{number}")
        for ago, stars in ((14, 100), (7, 110), (0, 125)):
            day = TODAY - ago * ONE_DAY
            factories.add_rows(connection, user, repository, {day: (stars, 9, 5)})
    for ago in (14, 7, 0):
        factories.add_scan(connection, user, TODAY - ago * ONE_DAY)

    page = load(client, f"/users/{user.id}?period=7")

    assert page.one("section", aria_labelledby="total").one("table").rows() == [
        ["Stars", "+30", "+20", "+10 (+50.00 %)", "observed"],
        ["Forks", "0", "0", "0", "observed"],
        ["Watchers", "0", "0", "0", "observed"],
    ]


def test_chosen_days_are_kept_by_the_other_options(client: TestClient, user: TrackedUser) -> None:
    days = "from=2026-02-01&to=2026-02-10"
    page = load(client, f"/users/{user.id}?metric=forks&{days}")

    metrics = page.one("nav", aria_label="Metric").all("a")
    assert all(days in (link.attributes["href"] or "") for link in metrics)
    sorts = page.one("section", aria_labelledby="repositories").one("thead").all("a")
    assert all(days in (link.attributes["href"] or "") for link in sorts)
    downloads = page.one("section", aria_labelledby="downloads").all("a")
    addresses = [link.attributes["href"] or "" for link in downloads]
    stats = [address for address in addresses if "/stats?" in address]
    assert stats
    assert all("date_from=2026-02-01&date_to=2026-02-10" in address for address in stats)
    presets = page.one("nav", aria_label="Period").all("a")
    assert not any("from=" in (link.attributes["href"] or "") for link in presets)
    fields = page.one("form", action="#total").all("input", type="hidden")
    assert {field.attributes["name"]: field.attributes["value"] for field in fields} == {
        "metric": "forks",
        "sort": "stargazers",
        "order": "desc",
    }


def test_unknown_user_is_404_and_invalid_id_422(client: TestClient) -> None:
    assert "user not found" in load(client, "/users/4711", status=404).one("main").text
    load(client, "/users/0", status=422)


def test_scan_button_sends_one_scan_in_five_minutes(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    user = factories.add_user(connection)
    action = f"/users/{user.id}/scan"

    def request_scan() -> str:
        form = fill(load(client, f"/users/{user.id}"), action)
        response = client.post(action, data=form, follow_redirects=False)
        assert response.status_code == 303
        return load(client, response.headers["location"]).one("p", role="status").text

    first = request_scan()
    users.release(connection, user.id)
    second = request_scan()

    assert first == "Scan requested. Reload the page in a moment."
    assert second == "This user was scanned a moment ago. Try again in five minutes."
    assert sent(redis_url, Queue.LOAD) == [(Task.LOAD_USER, [user.id])]


def test_other_sites_cannot_request_a_scan(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    user = factories.add_user(connection)
    form = fill(load(client, f"/users/{user.id}"), f"/users/{user.id}/scan")
    headers = {"Sec-Fetch-Site": "cross-site"}

    response = client.post(f"/users/{user.id}/scan", data=form, headers=headers)

    assert response.status_code == 403
    assert sent(redis_url, Queue.LOAD) == []
