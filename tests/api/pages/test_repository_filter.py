"""The filter of a user's repositories, and totals without forks."""

from datetime import date

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import repositories
from common.users import TrackedUser
from tests import factories
from tests.api.pages.html import Element, load
from tests.clock import Clock

TODAY = date(2026, 3, 20)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user with four repositories of all kinds, recorded today."""
    clock.set(TODAY)
    owner = factories.add_user(connection, login="adam")
    seen = {
        "queue": factories.make_repository(name="queue", description="Safe to kill"),
        "copy": factories.make_repository(name="copy", is_fork=True),
        "old": factories.make_repository(name="old", is_archived=True),
        "lost": factories.make_repository(name="lost"),
    }
    repositories.save(connection, owner.id, TODAY, list(seen.values()))
    for number, repository in enumerate(seen.values()):
        factories.add_rows(connection, owner, repository, {TODAY: (10**number, 0, 0)})
    connection.execute(
        text("UPDATE repositories SET state = 'gone', missing_since = :day WHERE name = 'lost'"),
        {"day": TODAY},
    )
    connection.execute(text("UPDATE repositories SET language = 'C++' WHERE name = 'queue'"))
    connection.execute(text("UPDATE repositories SET language = 'Go' WHERE name <> 'queue'"))
    factories.add_scan(connection, owner, TODAY, expected=4, recorded=4)
    return owner


def section(page: Element) -> Element:
    return page.one("section", aria_labelledby="repositories")


def names(page: Element) -> list[str]:
    table = section(page).one("table")
    return sorted(row.one("th").one("a").text for row in table.one("tbody").all("tr"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=QUE", ["queue"]),
        ("q=kill", ["queue"]),
        ("language=c%2B%2B", ["queue"]),
        ("fork=true", ["copy"]),
        ("fork=false", ["lost", "old", "queue"]),
        ("archived=true", ["old"]),
        ("present=false", ["lost"]),
        ("language=Go&fork=false&archived=false&present=true", []),
        ("q=&language=&fork=&archived=&present=", ["copy", "lost", "old", "queue"]),
    ],
)
def test_table_has_what_the_filter_asks_for(
    client: TestClient, user: TrackedUser, query: str, found: list[str]
) -> None:
    page = load(client, f"/users/{user.id}?{query}")

    if found:
        assert names(page) == found
    else:
        assert "None of 4 repositories matches" in section(page).text
    # The totals above are of all repositories.
    assert page.one("dl").all("dd")[0].text == "1,111"


def test_form_shows_the_filter_and_keeps_the_other_options(
    client: TestClient, user: TrackedUser
) -> None:
    page = load(
        client, f"/users/{user.id}?metric=forks&period=365&sort=name&q=e&language=go&fork=false"
    )
    form = page.one("form", action="#repositories")

    assert form.one("input", name="q").attributes["value"] == "e"
    chosen = [option.attributes["value"] for option in form.all("option", selected="")]
    chosen += [option.text for option in form.all("option") if "selected" in option.attributes]
    assert {"Go (3)", "Without forks"} <= {text for text in chosen if text}
    kept = {
        field.attributes["name"]: field.attributes["value"]
        for field in form.all("input", type="hidden")
    }
    assert kept == {"metric": "forks", "period": "365", "sort": "name", "order": "desc"}


def test_links_of_the_page_keep_the_filter(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}?language=C%2B%2B&fork=false")
    kept = "language=C%2B%2B&fork=false"

    sorts = section(page).one("thead").all("a")
    metrics = page.one("nav", aria_label="Metric").all("a")
    downloads = [
        link
        for link in page.one("section", aria_labelledby="downloads").all("a")
        if "/repos?" in (link.attributes["href"] or "")
    ]
    assert len(downloads) == 3
    for link in [*sorts, *metrics, *downloads]:
        assert kept in (link.attributes["href"] or "")
    (rest,) = [link for link in section(page).all("a") if link.text == "Show all"]
    assert "language" not in (rest.attributes["href"] or "")


def test_download_has_the_rows_of_the_table(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}?fork=false&sort=stargazers&order=asc")
    downloads = page.one("section", aria_labelledby="downloads").all("a")
    (address,) = [
        link.attributes["href"] or ""
        for link in downloads
        if "/repos?" in (link.attributes["href"] or "") and link.text == "JSON"
    ]

    assert [row["name"] for row in client.get(address).json()] == ["queue", "old", "lost"]


def test_filter_is_escaped_and_bounded(client: TestClient, user: TrackedUser) -> None:
    hostile = '"><script>alert(1)</script>'
    page = load(client, f"/users/{user.id}?q={hostile}&language={hostile}&sort=name")

    assert page.one("form", action="#repositories").one("input", name="q").attributes["value"] == (
        hostile
    )
    assert all("src" in script.attributes for script in page.all("script"))
    load(client, f"/users/{user.id}?q={'x' * 101}", status=422)
    load(client, f"/users/{user.id}?fork=maybe", status=422)
    load(client, f"/users/{user.id}?q=%00")


def test_totals_are_shown_without_forks_too(client: TestClient, user: TrackedUser) -> None:
    boxes = {
        box.one("dt").text: [each.text for each in box.all("dd")]
        for box in load(client, f"/users/{user.id}").one("dl").all("div")
    }

    assert boxes["Stars"][0] == "1,111"
    assert boxes["Stars"][-1] == "1,101 without forks"


def test_user_without_forks_has_no_second_total(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    connection.execute(text("UPDATE repositories SET is_fork = false"))

    assert "without forks" not in load(client, f"/users/{user.id}").one("dl").text


def test_page_of_a_large_owner_reads_no_kinds(
    client: TestClient, user: TrackedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.user._MAX_READ", 2)
    page = load(client, f"/users/{user.id}?language=go")
    form = page.one("form", action="#repositories")

    assert form.one("input", name="language").attributes["value"] == "go"
    assert section(page).one("p", role="status").text == "3 of 4 repositories. Show all"
    assert "without forks" not in page.one("dl").text
    assert "Not known" in page.one("section", aria_labelledby="movers").text


def test_unchanged_is_said_only_of_repositories_with_two_days(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    def movers() -> str:
        page = load(client, f"/users/{user.id}")
        return page.one("section", aria_labelledby="movers").text

    def copy_three_days_back(condition: str) -> None:
        connection.execute(
            text(
                "INSERT INTO daily_stats (repo_id, user_id, date, stargazers, forks, watchers)"
                " SELECT d.repo_id, d.user_id, d.date - 3, d.stargazers, d.forks, d.watchers"
                f" FROM daily_stats d JOIN repositories r ON r.id = d.repo_id WHERE {condition}"
            )
        )
        connection.execute(
            text(
                "INSERT INTO scans (user_id, day, state, recorded, finished_at)"
                " SELECT user_id, min(date), 'done', 1, now() FROM daily_stats GROUP BY user_id"
                " ON CONFLICT DO NOTHING"
            )
        )

    assert "Not known: no repository has two recorded days in this period." in movers()
    copy_three_days_back("r.name <> 'old'")
    of_some = movers()
    assert "No changes in this period in the 3 repositories with two recorded days" in of_some
    assert "1 repository has fewer" in of_some
    copy_three_days_back("r.name = 'old'")
    assert movers().endswith("No changes in this period.")
