"""Charts with sources: ``chart.svg?source=all`` and ``flow.svg``."""

from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories, imported, star_readings
from tests.api.charts.pixels import rasterize
from tests.api.charts.reading import SVG, read_description, texts
from tests.clock import Clock

TODAY = date(2026, 6, 17)
ONE_DAY = timedelta(days=1)
HISTORY_TEXT = "stars still held today, by GitHub's history"


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, login="allien")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    """A repository that got ten stars a day for 100 days; the last three were observed."""
    repository = factories.add_repository(connection, user, name="hello")
    factories.add_history(connection, user, repository, until=TODAY, stargazers=[980, 990, 1000])
    gained = {TODAY - number * ONE_DAY: 10 for number in range(1, 101)}
    star_readings.store(connection, repository.id, gained, datetime(2026, 6, 17, 12, tzinfo=UTC))
    return repository


def get(client: TestClient, path: str, **params: object) -> str:
    answer = client.get(path, params={name: str(value) for name, value in params.items()} or None)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/svg+xml"
    return answer.text


def test_chart_shows_observed_days_unless_all_sources_are_asked_for(
    client: TestClient, repository: SeenRepository
) -> None:
    path = f"/v1/repos/{repository.id}/chart.svg"

    observed = get(client, path)

    assert get(client, path, source="observed") == observed
    assert "Stars: 980 on 2026-06-15, 1,000 on 2026-06-17;" in read_description(observed)
    assert HISTORY_TEXT not in texts(observed)
    assert "stroke-dasharray" not in observed


def test_chart_of_all_sources_has_the_past_and_a_legend(
    client: TestClient, repository: SeenRepository
) -> None:
    chart = get(
        client, f"/v1/repos/{repository.id}/chart.svg", source="all", date_from="2026-06-01"
    )

    assert {"observed", HISTORY_TEXT} <= set(texts(chart))
    description = read_description(chart)
    assert "reconstructed: 14 days from 2026-06-01 to 2026-06-14" in description
    assert "observed: 3 days from 2026-06-15 to 2026-06-17" in description
    assert "stroke-dasharray" in chart
    assert rasterize(chart).size == (600, 300)


def test_bounds_that_can_be_seen_are_filled(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user)
    # Of the hundred stars at the observation, twenty were lost before the reading.
    factories.add_rows(connection, user, repository, {TODAY - 9 * ONE_DAY: (100, 1, 1)})
    gained = {TODAY - number * ONE_DAY: 4 for number in range(11, 31)}
    star_readings.store(connection, repository.id, gained, datetime(2026, 6, 17, 12, tzinfo=UTC))

    chart = get(client, f"/v1/repos/{repository.id}/chart.svg", source="all")

    assert "fill-opacity" in chart


def test_imported_counts_of_every_metric_are_in_the_chart_of_all_sources(
    client: TestClient, connection: Connection, repository: SeenRepository
) -> None:
    rows: dict[date, tuple[int | None, int | None, int | None]] = {
        date(2026, 6, number): (800 + number, 7, None) for number in range(1, 5)
    }
    imported.store(connection, repository.id, "our <sheet>", rows)

    chart = get(
        client,
        f"/v1/repos/{repository.id}/chart.svg",
        source="all",
        metric="all",
        date_from="2026-06-01",
        height=480,
    )

    assert "imported: our <sheet>" in texts(chart)
    stars, forks, watchers = read_description(chart).split(". ")
    assert "imported from our <sheet>: 4 days from 2026-06-01 to 2026-06-04" in stars
    assert "reconstructed: 10 days from 2026-06-05 to 2026-06-14" in stars
    assert "imported from our <sheet>: 4 days from 2026-06-01 to 2026-06-04" in forks
    assert "imported" not in watchers


def test_chart_changes_with_a_reading_and_with_an_import(
    client: TestClient, connection: Connection, repository: SeenRepository
) -> None:
    path = f"/v1/repos/{repository.id}/chart.svg?source=all"
    tags = {client.get(path).headers["etag"]}

    star_readings.store(
        connection,
        repository.id,
        {TODAY - 50 * ONE_DAY: 12},
        datetime(2026, 6, 17, 13, tzinfo=UTC),
    )
    imported.store(connection, repository.id, "x", {date(2026, 5, 1): (1, None, None)})
    tags.add(client.get(path).headers["etag"])

    assert len(tags) == 2
    tag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_bars_show_weeks_that_were_observed_and_those_that_were_not(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    # The row before a loss of 65 stars within the week from Monday, the eighth, on.
    factories.add_rows(
        connection, user, repository, {date(2026, 6, 8): (985, 1, 1), date(2026, 6, 1): (955, 1, 1)}
    )

    bars = get(client, f"/v1/repos/{repository.id}/flow.svg", date_from="2026-05-18", theme="light")

    names = [
        rect.get("class") for rect in ET.fromstring(bars).iter(f"{SVG}rect") if rect.get("class")
    ]
    # Four weeks, then the legend.
    assert names.count("held") == 4 + 1
    assert names.count("lost") == 2 + 1
    assert "gap" not in names
    assert "Stars gained and lost per week" in texts(bars)
    assert read_description(bars) == (
        "Stars gained and lost per week, from 2026-05-18 to 2026-06-15: gained 280 in 4 of 4 bars;"
        " lost at least 115 in the 2 whose losses are known."
    )


@pytest.mark.parametrize(("per", "bars"), [("day", 29), ("week", 25), ("month", 23)])
def test_bars_have_default_periods(
    client: TestClient, repository: SeenRepository, per: str, bars: int
) -> None:
    chart = get(client, f"/v1/repos/{repository.id}/flow.svg", per=per)

    assert f"of {bars} bars" in read_description(chart)


def test_bars_without_a_history_of_stars_are_of_changes_or_say_that_nothing_is_known(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user)
    path = f"/v1/repos/{repository.id}/flow.svg"
    assert "nothing known" in texts(get(client, path))

    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(30))

    shown = texts(get(client, path))
    assert "nothing known" not in shown
    assert "change: gained less lost" in shown
    assert not {"gained", "lost, at least"} & set(shown)


def test_bars_are_cached(client: TestClient, repository: SeenRepository) -> None:
    path = f"/v1/repos/{repository.id}/flow.svg"
    first = client.get(path)

    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304
    assert first.headers["cache-control"] == "public, max-age=300"


def test_invalid_requests_for_bars_are_refused(
    client: TestClient, repository: SeenRepository
) -> None:
    path = f"/v1/repos/{repository.id}/flow.svg"

    assert client.get("/v1/repos/4711/flow.svg?strict=1").status_code == 404
    for query in ("per=year", "width=100", "date_from=2026-06-02&date_to=2026-06-01"):
        assert client.get(f"{path}?{query}&strict=1").status_code == 422
    chart = f"/v1/repos/{repository.id}/chart.svg"
    assert client.get(chart, params={"source": "imported", "strict": "1"}).status_code == 422


@pytest.fixture
def another(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> SeenRepository:
    """Another repository of the user: two stars a day, whose history is not read; and both scanned.

    A third one has no stars, and so no history to read.
    """
    other = factories.add_repository(connection, user, name="other")
    empty = factories.add_repository(connection, user, name="empty")
    factories.add_history(connection, user, other, until=TODAY, stargazers=[196, 198, 200])
    for ago in (2, 1, 0):
        factories.add_rows(connection, user, empty, {TODAY - ago * ONE_DAY: (0, 0, 0)})
        factories.add_scan(connection, user, TODAY - ago * ONE_DAY)
    for each in (repository, other, empty):
        connection.exec_driver_sql(
            f"UPDATE repositories SET listed_on = '{TODAY}' WHERE id = {each.id}"
        )
    return other


def test_chart_of_a_user_has_the_reconstructed_total_once_all_histories_are_read(
    client: TestClient, connection: Connection, user: TrackedUser, another: SeenRepository
) -> None:
    path = f"/v1/users/{user.id}/chart.svg"
    observed = "Stars: 1,176 on 2026-06-15, 1,200 on 2026-06-17; lowest 1,176, highest 1,200."

    partly = get(client, path, source="all", date_from="2026-06-01")
    star_readings.store(
        connection,
        another.id,
        {TODAY - number * ONE_DAY: 2 for number in range(1, 101)},
        datetime(2026, 6, 17, 12, tzinfo=UTC),
    )
    whole = get(client, path, source="all", date_from="2026-06-01")

    assert read_description(partly) == observed
    assert read_description(get(client, path, date_from="2026-06-01")) == observed
    description = read_description(whole)
    assert "reconstructed: 14 days from 2026-06-01 to 2026-06-14" in description
    assert "observed: 3 days from 2026-06-15 to 2026-06-17" in description
    assert {"observed", HISTORY_TEXT} <= set(texts(whole))
    history = client.get(f"/v1/users/{user.id}/history?date_from=2026-06-01").json()["history"]
    assert f"Stars: {history[0]['stargazers']:,} on {history[0]['date']}" in description


def test_other_totals_of_a_user_stay_observed(
    client: TestClient, user: TrackedUser, another: SeenRepository
) -> None:
    forks = get(
        client,
        f"/v1/users/{user.id}/chart.svg",
        source="all",
        metric="forks",
        date_from="2026-06-01",
    )

    assert "on 2026-06-15" in read_description(forks)
    assert "reconstructed" not in read_description(forks)


def test_imported_totals_of_a_user_need_the_counts_of_all_repositories(
    client: TestClient, connection: Connection, user: TrackedUser, another: SeenRepository
) -> None:
    ids = connection.exec_driver_sql("SELECT id FROM repositories ORDER BY id").scalars().all()
    for number, repo_id in enumerate(ids):
        days = (date(2026, 6, 1), date(2026, 6, 2))[: 2 if number else 1]
        imported.store(connection, repo_id, f"sheet {number}", dict.fromkeys(days, (None, 7, None)))

    forks = get(
        client,
        f"/v1/users/{user.id}/chart.svg",
        source="all",
        metric="forks",
        date_from="2026-06-01",
    )

    assert "Forks: 21 on 2026-06-01" in read_description(forks)
    assert "imported: 1 day from 2026-06-01 to 2026-06-01" in read_description(forks)
