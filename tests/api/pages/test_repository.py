"""``/repos/{id}``: the days of a repository, its charts, and the code to embed them."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import repositories
from common.repositories import SeenRepository
from common.states import ScanState
from common.users import TrackedUser
from tests import factories, imported, star_readings
from tests.api.charts.reading import read_description
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


def charts(page: Element) -> list[str]:
    """Return the addresses of the charts, from the top."""
    return [image.attributes["src"] or "" for image in page.all("img", width="1136")]


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
        ["2026-03-19", "90", UNKNOWN, "observed", UNKNOWN, "2", "1"],
        ["2026-03-18", "not recorded: GitHub was <away>"],
        ["2026-03-17", f"not recorded: {NO_SCAN}"],
        ["2026-03-16", "1,500", UNKNOWN, "observed", UNKNOWN, "2", "1"],
        ["2026-03-12 to 2026-03-15", f"not recorded: {NO_SCAN}"],
        ["2026-03-11", "101", "+1", "observed", UNKNOWN, "2", "1"],
        ["2026-03-10", "100", UNKNOWN, "observed", UNKNOWN, "2", "1"],
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


def test_page_has_one_chart_of_all_metrics_from_the_first_known_day_on(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    for rows, period, first in (
        (20, "365", "2026-03-01"),
        (20, "30", "2026-03-01"),
        (40, "30", "2026-02-19"),
        # A chart has at least a week.
        (2, "90", "2026-03-14"),
    ):
        connection.exec_driver_sql("DELETE FROM daily_stats")
        factories.add_history(connection, user, repository, until=TODAY, stargazers=range(rows))
        page = load(client, f"/repos/{repository.id}?period={period}")

        chart = page.all("img", width="1136")[0]
        assert chart.attributes["src"] == (
            f"/v1/repos/{repository.id}/chart.svg?metric=all&source=all"
            f"&date_from={first}&date_to=2026-03-20&theme=auto&place=page&width=1136&height=540"
        )
        assert chart.attributes["alt"]


def test_embed_code_shows_the_chart_and_links_to_the_page(
    client: TestClient, repository: SeenRepository
) -> None:
    page = load(client, f"/repos/{repository.id}")
    address = f"http://testserver/repos/{repository.id}"
    chart = (
        f"http://testserver/v1/repos/{repository.id}/chart.svg"
        "?metric=stargazers&width=600&height=300&theme="
    )
    source = chart.replace("&", "&amp;")

    assert page.one("textarea", id="markdown").text == (
        f"[![Stars of adam/hello]({chart}auto)]({address})"
    )
    assert page.one("textarea", id="html").text == (
        f'<a href="{address}"><picture><source media="(prefers-color-scheme: dark)"'
        f' srcset="{source}dark"><img src="{source}light" alt="Stars of adam/hello" width="600"'
        ' height="300"></picture></a>'
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
    load(client, "/repos/5?period=8", status=422)


def test_page_shows_the_days_that_were_chosen(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    first = TODAY - 20 * ONE_DAY
    factories.add_rows(
        connection, user, repository, {first + n * ONE_DAY: (100 + n, n, 1) for n in range(21)}
    )

    page = load(client, f"/repos/{repository.id}?from=2026-03-03&to=2026-03-05")

    assert [row[:2] for row in days(page)] == [
        ["2026-03-05", "105"],
        ["2026-03-04", "104"],
        ["2026-03-03", "103"],
    ]
    assert all("date_from=2026-03-03&date_to=2026-03-05" in address for address in charts(page))
    form = page.one("form", action="#total")
    assert [
        (field.attributes["name"], field.attributes["value"]) for field in form.all("input")
    ] == [("from", "2026-03-03"), ("to", "2026-03-05")]
    presets = page.one("nav", aria_label="Period")
    assert not presets.all("a", aria_current="true")


def test_the_change_is_compared_with_as_many_days_before(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    for ago, stars in ((20, 100), (13, 110), (6, 125), (5, 130), (0, 160)):
        day = TODAY - ago * ONE_DAY
        factories.add_rows(connection, user, repository, {day: (stars, 9, 5)})

    def change(query: str) -> list[list[str]]:
        page = load(client, f"/repos/{repository.id}?{query}")
        return page.one("section", aria_labelledby="change").one("table").rows()

    assert change("from=2026-03-08&to=2026-03-14")[:2] == [
        ["Stars", "+15", "+10", "+5 (+50.00 %)", "observed"],
        ["Forks", "0", "0", "0", "observed"],
    ]
    assert change("period=7")[0] == ["Stars", UNKNOWN, UNKNOWN, UNKNOWN, "observed"]
    text = load(client, f"/repos/{repository.id}?period=all").one("main").text
    assert "Nothing is known before 2026-02-28" in text
    text = load(client, f"/repos/{repository.id}?period=7").one("main").text
    assert "Not known: 2026-03-06, 2026-03-13." in text


def test_days_before_the_first_known_day_are_an_empty_table(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_rows(connection, user, repository, {TODAY: (1, 1, 1)})

    page = load(client, f"/repos/{repository.id}?from=2020-01-01&to=2020-01-31")

    section = page.one("section", aria_labelledby="days")
    assert not section.all("table")
    assert "Nothing is known of these days" in section.text


def test_empty_fields_of_the_form_are_ignored(
    client: TestClient, repository: SeenRepository
) -> None:
    page = load(client, f"/repos/{repository.id}?from=&to=")
    assert page.one("nav", aria_label="Period").one("a", aria_current="true").text == "90 days"


@pytest.mark.parametrize(
    "query", ["from=2026-02-30", "to=yesterday", "from=2026-03-02&to=2026-03-01"]
)
def test_days_that_cannot_be_shown_are_422(
    client: TestClient, repository: SeenRepository, query: str
) -> None:
    load(client, f"/repos/{repository.id}?{query}", status=422)


@pytest.fixture
def starred(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> SeenRepository:
    """A repository with five stars a day since March of last year, observed on three days."""
    factories.add_rows(
        connection,
        user,
        repository,
        {TODAY - ago * ONE_DAY: (1940 - 5 * ago, 2, 1) for ago in (9, 8, 0)},
    )
    factories.add_scan(
        connection, user, TODAY - 5 * ONE_DAY, ScanState.FAILED, reason="GitHub down"
    )
    gained = {TODAY - ago * ONE_DAY: 5 for ago in range(1, 381)}
    star_readings.store(connection, repository.id, gained, datetime(2026, 3, 20, 12, tzinfo=UTC))
    return repository


def test_days_that_were_not_observed_have_reconstructed_stars_and_their_source(
    client: TestClient, starred: SeenRepository
) -> None:
    shown = {row[0]: row[1:] for row in days(load(client, f"/repos/{starred.id}"))}

    assert shown["2026-03-20"] == ["1,940", UNKNOWN, "observed", UNKNOWN, "2", "1"]
    assert shown["2026-03-19"][1:2] == ["+5"]
    assert shown["2026-03-19"][2].startswith("reconstructed")
    # The day had ended 29 hours before the reading; the day before was read late.
    assert shown["2026-03-18"][3] == "5"
    assert shown["2026-03-15"][3] == "5* still held"
    assert "; not recorded: GitHub down" in shown["2026-03-15"][2]
    before = shown["2026-02-01"]
    assert before[2].startswith("reconstructed")
    assert "not recorded" not in before[2]
    assert before[4:] == [UNKNOWN, UNKNOWN]
    assert len(shown) == 90


def test_day_whose_counts_have_several_sources_names_each(
    client: TestClient, connection: Connection, starred: SeenRepository
) -> None:
    imported.store(
        connection,
        starred.id,
        "a <sheet>",
        {date(2026, 2, 1): (None, 3, None), date(2026, 2, 2): (7, 3, 1)},
    )

    shown = {row[0]: row[1:] for row in days(load(client, f"/repos/{starred.id}"))}

    assert shown["2026-02-01"][2].startswith("stars reconstructed, forks imported: a <sheet>, ")
    assert shown["2026-02-01"][4:] == ["3", UNKNOWN]
    assert shown["2026-02-02"][:3] == ["7", UNKNOWN, "imported: a <sheet>"]


def test_bounds_are_beside_the_source(
    client: TestClient, connection: Connection, starred: SeenRepository
) -> None:
    before = {row[0]: row[3] for row in days(load(client, f"/repos/{starred.id}"))}
    # A reading from before the gap: it is not known what was lost since.
    connection.exec_driver_sql(
        "UPDATE star_gains SET read_at = '2026-03-12 12:00Z' WHERE day <= '2026-03-11'"
    )
    after = {row[0]: row[3] for row in days(load(client, f"/repos/{starred.id}"))}

    assert re.fullmatch(r"reconstructed, [\d,]+ to [\d,]+", before["2026-02-01"])
    assert re.fullmatch(r"reconstructed, at most [\d,]+; not recorded: .*", after["2026-03-15"])


def test_rows_of_days_are_those_of_the_history_call(
    client: TestClient, starred: SeenRepository
) -> None:
    period = {"date_from": "2025-12-21", "date_to": "2026-03-20"}
    answer = client.get(f"/v1/repos/{starred.id}/history", params=period).json()

    shown = days(load(client, f"/repos/{starred.id}"))

    words = {"observed": "observed", "github_history": "reconstructed"}
    assert [[row[0], row[1], row[3].split(",")[0].split(";")[0]] for row in shown] == [
        [each["date"], f"{each['stargazers']:,}", words[each["sources"]["stargazers"]]]
        for each in reversed(answer["history"])
    ]


def test_change_of_a_day_is_that_since_the_day_before_also_on_the_first_row(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_history(
        connection, user, repository, until=TODAY, stargazers=[50, 40, 40, 1300, 1299]
    )

    shown = days(load(client, f"/repos/{repository.id}?from=2026-03-17"))

    minus = "\N{MINUS SIGN}"
    assert [row[:3] for row in shown] == [
        ["2026-03-20", "1,299", f"{minus}1"],
        ["2026-03-19", "1,300", "+1,260"],
        ["2026-03-18", "40", "0"],
        ["2026-03-17", "40", f"{minus}10"],
    ]


def test_bars_of_a_repository_without_a_history_are_of_the_observed_changes(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_history(
        connection, user, repository, until=TODAY, stargazers=[*range(100, 120), 90]
    )

    page = load(client, f"/repos/{repository.id}?per=day")

    rows = page.one("details", class_="bars").one("table").rows()
    assert rows[0] == ["2026-03-19", UNKNOWN, UNKNOWN, "\N{MINUS SIGN}29"]
    assert rows[1] == ["2026-03-18", UNKNOWN, UNKNOWN, "+1"]
    (source,) = (each for each in charts(page) if "flow.svg" in each)
    assert read_description(client.get(source).text).endswith(
        ": change \N{MINUS SIGN}10 in 20 of 20 bars."
    )


def test_visitors_choose_the_span_of_a_bar_where_it_is_wide_enough(
    client: TestClient, starred: SeenRepository
) -> None:
    for query, per, offered in (
        ("period=30", "day", ["Day", "Week", "Month"]),
        ("period=90", "week", ["Day", "Week", "Month"]),
        ("period=90&per=month", "month", ["Day", "Week", "Month"]),
        ("from=2026-01-01&to=2026-03-01&per=day", "day", ["Day", "Week", "Month"]),
        ("period=all&per=day", "week", ["Week", "Month"]),
    ):
        page = load(client, f"/repos/{starred.id}?{query}")
        spans = page.one("nav", aria_label="Span of a bar")
        assert [link.text for link in spans.all("a")] == offered
        assert spans.one("a", aria_current="true").text == per.capitalize()
        (source,) = (each for each in charts(page) if "flow.svg" in each)
        assert f"per={per}&" in source
        wanted = query.partition("&per")[0]
        assert spans.all("a")[-1].attributes["href"] == f"?{wanted}&per=month#flow"


def test_page_says_from_when_each_source_is(
    client: TestClient, connection: Connection, starred: SeenRepository
) -> None:
    imported.store(connection, starred.id, "sheet", {date(2024, 1, 2): (7, 3, None)})

    page = load(client, f"/repos/{starred.id}?period=all")

    assert (
        "Observed since 2026-03-11, last on 2026-03-20; stars reconstructed since 2025-03-06;"
        " imported since 2024-01-02." in page.one("main").text
    )
    for chart in charts(page):
        assert "&date_from=2024-01-02&date_to=2026-03-20" in chart


def test_charts_of_all_days_begin_with_the_reconstructed_ones(
    client: TestClient, starred: SeenRepository
) -> None:
    page = load(client, f"/repos/{starred.id}?period=all")

    assert [
        (source.partition("?")[0].rpartition("/")[2], source.partition("date_from=")[2][:10])
        for source in charts(page)
    ] == [
        ("chart.svg", "2025-03-06"),
        ("flow.svg", "2025-03-06"),
    ]


@pytest.mark.parametrize(
    ("period", "per"), [("30", "day"), ("90", "week"), ("365", "week"), ("all", "week")]
)
def test_numbers_of_the_bars_are_those_of_the_flow_call(
    client: TestClient, starred: SeenRepository, period: str, per: str
) -> None:
    page = load(client, f"/repos/{starred.id}?period={period}")
    (source,) = (each for each in charts(page) if "flow.svg" in each)
    assert f"per={per}&" in source
    query = source.partition("?")[2].partition("&theme")[0]
    answer = client.get(f"/v1/repos/{starred.id}/flow?{query}").json()

    rows = page.one("details", class_="bars").one("table").rows()

    by_start = {row[0].partition(" ")[0]: row[1:] for row in rows}
    assert len(by_start) > 5
    for span in answer["flow"]:
        if span["gained"] is not None:
            shown = by_start[span["from"]]
            assert shown[0].removesuffix("* still held") == f"{span['gained']:,}"
            assert shown[1] == f"{span['lost']:,}"


def test_ten_years_have_bars_of_a_month(
    client: TestClient, connection: Connection, starred: SeenRepository
) -> None:
    imported.store(connection, starred.id, "sheet", {date(2017, 1, 2): (7, 3, None)})

    page = load(client, f"/repos/{starred.id}?period=all")

    assert [each for each in charts(page) if "per=month&" in each]


def test_progress_of_the_reading_is_shown_until_it_is_done(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    factories.add_rows(connection, user, repository, {TODAY: (1940, 2, 1)})
    connection.exec_driver_sql(f"INSERT INTO backfills (repo_id) VALUES ({repository.id})")

    page = load(client, f"/repos/{repository.id}")

    line = page.one("p", id="backfill")
    assert line.attributes["data-url"] == f"/v1/repos/{repository.id}/backfill"
    state = client.get(line.attributes["data-url"] or "").json()
    assert line.text == f"Star history: {state['text']}."
    assert not page.all("details", class_="bars")
    star_readings.store(connection, repository.id, {}, datetime(2026, 3, 20, 12, tzinfo=UTC))
    assert not load(client, f"/repos/{repository.id}").all("p", id="backfill")


def test_owners_are_linked_by_login_with_their_names(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    first = factories.add_user(connection, login="first", name="First Owner")
    second = factories.add_user(connection, login="second", name="Second Owner")
    repository = factories.add_repository(connection, first, name="tool")

    heading = load(client, f"/repos/{repository.id}").one("h1")
    assert heading.text == "first / tool First Owner"
    assert heading.one("a").attributes["href"] == "/u/first"

    repositories.save(connection, second.id, clock.today(), [repository])
    heading = load(client, f"/repos/{repository.id}").one("h1")
    assert heading.text == "second / tool Second Owner"
