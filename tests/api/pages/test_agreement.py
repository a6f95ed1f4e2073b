"""Pages show the same numbers as the calls under ``/v1``, and the same gaps."""

import csv
import io
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from api.pages import filters
from common import repositories
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.api.charts.pixels import ORANGE, rasterize
from tests.api.charts.reading import read_axes
from tests.api.pages.html import UNKNOWN, Element, load
from tests.clock import Clock

TODAY = date(2026, 3, 20)
NO_SCAN = "no scan: the workers or beat did not run, or did not reach this user"
METRICS = ("stargazers", "forks", "watchers")
SPANS = (1, 7, 30, 365)
MISSING = TODAY - timedelta(days=7)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user with five repositories: rising, falling, young, gone, level; one day is missing."""
    clock.set(TODAY)
    owner = factories.add_user(connection, login="adam")
    first = TODAY - timedelta(days=400)
    rows = {
        "rising": {ago: (9000 - 20 * ago, 800 - ago, 410 - ago) for ago in range(401)},
        "falling": {ago: (300_000 + 7 * ago, 3 * ago, 12) for ago in range(401)},
        "young": {ago: (5 - ago, 0, 1) for ago in range(5)},
        "gone": dict.fromkeys(range(50, 90), (77, 7, 6)),
        "level": dict.fromkeys(range(40), (42, 9, 14)),
    }
    for name, counts in rows.items():
        repository = factories.add_repository(connection, owner, name=name, day=first)
        days = {TODAY - timedelta(days=ago): each for ago, each in counts.items()}
        days.pop(MISSING, None)
        factories.add_rows(connection, owner, repository, days)
    for ago in range(400, -1, -1):
        day = TODAY - timedelta(days=ago)
        state = ScanState.INCOMPLETE if day == MISSING else ScanState.DONE
        factories.add_scan(connection, owner, day, state, expected=5, recorded=5 * (day != MISSING))
    return owner


def get_json(client: TestClient, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.json()


def shown_count(value: int | None) -> str:
    return UNKNOWN if value is None else filters.number(value)


def shown_change(value: int | None) -> str:
    return UNKNOWN if value is None else filters.change(value)


def rows_of(page: Element, section: str) -> list[list[str]]:
    return page.one("section", aria_labelledby=section).one("table").rows()


def count_of(counts: Mapping[str, int] | None, metric: str) -> int | None:
    return None if counts is None else counts[metric]


@pytest.mark.parametrize("metric", METRICS)
def test_user_page_lists_the_repositories_of_the_call(
    client: TestClient, user: TrackedUser, metric: str
) -> None:
    repositories = get_json(client, f"/v1/users/{user.id}/repos?sort=name")

    shown = rows_of(
        load(client, f"/users/{user.id}?metric={metric}&sort=name&order=asc"), "repositories"
    )

    expected = [
        [
            repository["name"],
            *(shown_count(count_of(repository["latest"], each)) for each in METRICS),
            *(shown_change(count_of(repository["changes"][str(span)], metric)) for span in SPANS),
        ]
        for repository in repositories
    ]
    assert len(shown) == 5
    # The first cell also has the tags; the fifth is the sparkline.
    assert [[row[0].split()[0], *row[1:4], *row[5:]] for row in shown] == expected
    assert {UNKNOWN} < {cell for row in expected for cell in row}


@pytest.mark.parametrize("metric", METRICS)
def test_user_page_shows_the_movers_of_the_call(
    client: TestClient, user: TrackedUser, metric: str
) -> None:
    movers = get_json(
        client,
        f"/v1/users/{user.id}/growth?by={metric}&date_from={TODAY - timedelta(89)}&date_to={TODAY}",
    )

    shown = rows_of(load(client, f"/users/{user.id}?metric={metric}&period=90"), "movers")

    assert shown
    assert shown == [
        [
            mover["name"],
            filters.number(mover["first"]),
            filters.number(mover["last"]),
            filters.change(mover["difference"]),
            filters.percent(mover["percent"]),
            f"{mover['first_day']} to {mover['last_day']}",
        ]
        for mover in movers
        if mover["difference"]
    ]


def test_totals_are_sums_of_the_daily_rows(client: TestClient, user: TrackedUser) -> None:
    rows = get_json(client, f"/v1/users/{user.id}/stats?date_from={TODAY - timedelta(30)}")["stats"]

    def total(ago: int, metric: str) -> int:
        day = (TODAY - timedelta(days=ago)).isoformat()
        return sum(row[metric] for row in rows if row["date"] == day)

    boxes = [
        [cell.text for cell in box.all("dd")]
        for box in load(client, f"/users/{user.id}").one("dl").all("div")[:3]
    ]
    (listed,) = load(client, "/").one("table").rows()

    assert boxes == [
        [
            filters.number(total(0, metric)),
            f"7 d {UNKNOWN}, 30 d {filters.change(total(0, metric) - total(30, metric))}",
        ]
        for metric in METRICS
    ]
    assert [listed[1], *listed[5:7]] == [filters.number(total(0, metric)) for metric in METRICS]
    assert listed[3:5] == [
        UNKNOWN,
        filters.change(total(0, "stargazers") - total(30, "stargazers")),
    ]


def test_overview_and_user_page_count_the_repositories_that_are_present(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    listed = get_json(client, f"/v1/users/{user.id}/repos")
    gone = [repository["id"] for repository in listed if repository["name"] == "gone"]
    repositories.mark_missing(connection, user.id, TODAY, gone, confirmed=True)
    present = get_json(client, f"/v1/users/{user.id}/repos?present=true")

    (row,) = load(client, "/").one("table").rows()
    box = load(client, f"/users/{user.id}").one("dl").all("div")[3]

    assert len(present) == 4
    assert row[7] == "4"
    assert [cell.text for cell in box.all("dd")] == ["4", "1 more, gone or moved"]


def test_calendar_shows_the_scans_of_the_call(client: TestClient, user: TrackedUser) -> None:
    scans = get_json(
        client, f"/v1/users/{user.id}/scans?date_from={TODAY - timedelta(364)}&date_to={TODAY}"
    )

    page = load(client, f"/users/{user.id}")
    squares = page.one("section", aria_labelledby="scans").one("table").all("td")

    shown = [square.text for square in squares if square.text]
    assert sorted(shown) == sorted(map(shown_scan, scans))
    assert len(shown) == 365


@pytest.fixture
def gaps(connection: Connection, clock: Clock) -> TrackedUser:
    """A user with days of every state, and days on which no scan was tried."""
    clock.set(TODAY - timedelta(days=12))
    owner = factories.add_user(connection, login="eve")
    clock.set(TODAY)
    states = {
        10: ScanState.DONE,
        9: ScanState.FAILED,
        6: ScanState.INCOMPLETE,
        5: ScanState.SET_ASIDE,
        4: ScanState.GONE,
        1: ScanState.DONE,
    }
    for ago, state in states.items():
        reason = None if state is ScanState.DONE else f"reason of {state}"
        day = TODAY - timedelta(days=ago)
        factories.add_scan(connection, owner, day, state, reason=reason, expected=3, recorded=1)
    return owner


def test_calendar_shows_every_day_of_the_call_with_its_reason(
    client: TestClient, gaps: TrackedUser
) -> None:
    scans = get_json(client, f"/v1/users/{gaps.id}/scans")
    whole = sum(scan["state"] == "done" for scan in scans)

    section = load(client, f"/users/{gaps.id}").one("section", aria_labelledby="scans")

    squares = [square.text for square in section.one("table").all("td") if square.text]
    assert sorted(squares) == sorted(map(shown_scan, scans))
    assert [row.text for row in section.one("details").all("li")] == [
        shown_scan(scan) for scan in scans if scan["state"] != "done"
    ]
    assert f"{whole} of {len(scans)} days complete" in section.text
    assert (whole, len(scans)) == (2, 13)
    assert sum(scan["state"] == "none" for scan in scans) == 7


def test_repository_page_gives_the_reasons_of_the_call(
    client: TestClient, connection: Connection, gaps: TrackedUser
) -> None:
    repository = factories.add_repository(connection, gaps, day=TODAY - timedelta(days=12))
    recorded = [TODAY - timedelta(days=ago) for ago in (12, 10, 1)]
    factories.add_rows(connection, gaps, repository, dict.fromkeys(recorded, (1, 2, 3)))
    scans = get_json(client, f"/v1/users/{gaps.id}/scans")
    reasons = {scan["day"]: scan["reason"] for scan in scans}

    rows = rows_of(load(client, f"/repos/{repository.id}?period=30"), "days")

    shown = {}
    for days, reason in (row for row in rows if len(row) == 2):
        first, _, last = days.partition(" to ")
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last or first):
            shown[day.isoformat()] = reason.removeprefix("not recorded: ")
            day += timedelta(days=1)
    for day in recorded:
        del reasons[day.isoformat()]
    assert shown == reasons


def test_reason_of_a_gap_is_that_of_the_owner_of_the_day(
    client: TestClient, connection: Connection, gaps: TrackedUser
) -> None:
    repository = factories.add_repository(connection, gaps, day=TODAY - timedelta(days=12))
    before = [TODAY - timedelta(days=ago) for ago in (12, 10)]
    factories.add_rows(connection, gaps, repository, dict.fromkeys(before, (1, 2, 3)))
    heir = factories.add_user(connection, login="seth")
    repositories.save(connection, heir.id, TODAY, [repository])
    for ago in (7, 4, 3):
        factories.add_scan(connection, heir, TODAY - timedelta(days=ago), expected=1, recorded=1)
    after = [TODAY - timedelta(days=ago) for ago in (7, 3)]
    factories.add_rows(connection, heir, repository, dict.fromkeys(after, (4, 5, 6)))

    rows = rows_of(load(client, f"/repos/{repository.id}?period=30"), "days")

    assert [row for row in rows if len(row) == 2] == [
        ["2026-03-20", "not recorded: no scan yet: the day is not over"],
        ["2026-03-18 to 2026-03-19", f"not recorded: {NO_SCAN}"],
        ["2026-03-16", "not recorded: not listed by GitHub on that day"],
        ["2026-03-14 to 2026-03-15", f"not recorded: {NO_SCAN}"],
        ["2026-03-12", f"not recorded: {NO_SCAN}"],
        ["2026-03-11", "not recorded: reason of failed"],
        ["2026-03-09", f"not recorded: {NO_SCAN}"],
    ]


def shown_scan(scan: Mapping[str, Any]) -> str:
    """Return what a square says of a day of the call."""
    if scan["state"] == "none":
        return f"{scan['day']}: {scan['reason']}"
    text = f"{scan['day']}: {scan['state'].replace('_', ' ')}"
    if scan["expected"] is not None:
        text += f", {scan['recorded']} of {scan['expected']} repositories"
    return f"{text}, {scan['reason']}" if scan["reason"] else text


def test_repository_pages_show_the_numbers_of_the_calls(
    client: TestClient, user: TrackedUser
) -> None:
    for listed in get_json(client, f"/v1/users/{user.id}/repos"):
        path = f"/v1/repos/{listed['id']}"
        repository = get_json(client, path)
        period = f"date_from={TODAY - timedelta(89)}&date_to={TODAY}"
        days = {row["date"]: row for row in get_json(client, f"{path}/stats?{period}")["stats"]}

        page = load(client, f"/repos/{listed['id']}?period=90")

        assert rows_of(page, "counts") == [
            [
                label,
                shown_count(count_of(repository["latest"], metric)),
                *(
                    shown_change(count_of(repository["changes"][str(span)], metric))
                    for span in SPANS
                ),
            ]
            for label, metric in zip(("Stars", "Forks", "Watchers"), METRICS, strict=True)
        ]
        recorded = [row for row in rows_of(page, "days") if len(row) == 7]
        assert [[row[0], row[1], *row[5:]] for row in recorded] == [
            [day, *(filters.number(days[day][metric]) for metric in METRICS)]
            for day in sorted(days, reverse=True)
        ]
        assert {(row[3], row[4]) for row in recorded} == {("observed", UNKNOWN)}


def test_missing_day_is_a_gap_in_json_csv_chart_and_page(
    client: TestClient, user: TrackedUser
) -> None:
    repository = next(
        each["id"]
        for each in get_json(client, f"/v1/users/{user.id}/repos")
        if each["name"] == "rising"
    )
    first = MISSING - timedelta(days=3)
    period = {"date_from": first.isoformat(), "date_to": TODAY.isoformat()}
    days = [first + timedelta(days=ahead) for ahead in range(11)]
    wanted = [day.isoformat() for day in days if day != MISSING]

    path = f"/v1/repos/{repository}"
    rows = client.get(f"{path}/stats", params=period).json()["stats"]
    table = client.get(f"{path}/stats", params=period | {"format": "csv"}).text
    chart = client.get(
        f"{path}/chart.svg", params=period | {"metric": "stargazers", "theme": "light"}
    ).text
    page = load(client, f"/repos/{repository}?period=30")

    assert [row["date"] for row in rows] == wanted
    assert [row["date"] for row in csv.DictReader(io.StringIO(table))] == wanted
    (axes,) = read_axes(chart)
    # The label above the plane is orange, too.
    line = range(int(axes.values[-1][1]), int(axes.values[0][1]))
    orange = {x for x, y in rasterize(chart).places(ORANGE) if y in line}
    before, after = (int(axes.x(MISSING + timedelta(days=ahead))) for ahead in (-1, 1))
    between = range(before + 4, after - 4)
    assert orange.isdisjoint(between)
    assert int(axes.x(MISSING - timedelta(days=2))) in orange
    (gap,) = [row for row in rows_of(page, "days") if len(row) == 2]
    assert gap == [MISSING.isoformat(), "not recorded: incomplete"]
