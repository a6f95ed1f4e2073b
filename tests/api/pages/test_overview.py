"""``/``: the list of followed users, the search, and the state of today's collection."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from api.pages import recent_movers
from common import collection, lookups, users
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.api.pages.html import Element, load
from tests.clock import Clock


def logins(client: TestClient, path: str = "/") -> list[str]:
    page = load(client, path)
    return [row.one("th").one("a").text for row in page.one("tbody").all("tr")]


def test_users_are_listed_by_login(client: TestClient, connection: Connection) -> None:
    for login in ("Zora", "adam", "Berta"):
        factories.add_user(connection, login=login)

    assert logins(client) == ["adam", "Berta", "Zora"]


def test_search_finds_part_of_a_login_in_any_case(
    client: TestClient, connection: Connection
) -> None:
    for login in ("octo-cat", "Mono-Octo", "adam"):
        factories.add_user(connection, login=login)

    assert logins(client, "/?q=OCTO") == ["Mono-Octo", "octo-cat"]


@pytest.mark.parametrize("part", ["%25", "_%25", "%00", "nobody", "<script>", "%ff", "'"])
def test_search_without_result_says_so(
    client: TestClient, connection: Connection, part: str
) -> None:
    factories.add_user(connection, login="adam")

    page = load(client, f"/?q={part}")

    assert not page.all("table")
    assert "No followed user has a login or name that contains" in page.one("main").text
    assert all("src" in script.attributes for script in page.all("script"))


def test_many_users_are_split_into_pages(client: TestClient, connection: Connection) -> None:
    for number in range(120):
        factories.add_user(connection, login=f"octo-{number:03}")
    factories.add_user(connection, login="adam")

    seen: list[str] = []
    address: str | None = "/?q=octo"
    while address:
        page = load(client, address)
        seen += [row.one("th").one("a").text for row in page.one("tbody").all("tr")]
        following = page.all("a", rel="next")
        address = following[0].attributes["href"] if following else None

    assert seen == [f"octo-{number:03}" for number in range(120)]


def test_names_are_escaped_and_isolated_from_the_text_direction(
    client: TestClient, connection: Connection
) -> None:
    name = '<script>alert("1")</script> & עברית'
    factories.add_user(connection, login="adam", name=name)

    page = load(client, "/")

    assert name in [element.text for element in page.all("bdi")]


def test_day_with_all_users_scanned_is_complete(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user = factories.add_user(connection)
    factories.add_scan(connection, user, clock.today())

    text = load(client, "/").one("main").text
    assert f"Today, {clock.today()}: 1 of 1 recorded. " in text


def test_accounts_that_github_does_not_show_are_not_counted_as_recorded(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    followed = [factories.add_user(connection) for _ in range(5)]
    today = clock.today()
    factories.add_scan(connection, followed[0], today)
    factories.add_scan(connection, followed[1], today, ScanState.INCOMPLETE)
    for user in followed[2:]:
        users.mark_missing(connection, user.id, today)
        factories.add_scan(connection, user, today, ScanState.GONE)
    words = "2 of 5 recorded, 1 of them incomplete, 3 not found at GitHub"

    page = load(client, "/")

    assert f"Today, {today}: {words}. " in page.one("main").text
    assert [tag.text for tag in page.one("table").all("span", class_="tag bad")] == [
        "not found at GitHub"
    ] * 3
    # Once is enough.
    assert page.one("main").text.count(words) == 1
    readiness = client.get("/readyz").json()
    assert readiness["status"] == "ready"
    assert readiness["checks"]["users"] == words
    metrics = client.get("/metrics").text.splitlines()
    for what, count in (("recorded", 2), ("incomplete", 1), ("not_found", 3), ("due", 0)):
        assert f'repopulse_users{{what="{what}"}} {count}.0' in metrics


def test_accounts_alone_that_github_does_not_show_are_a_problem(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user = factories.add_user(connection)
    users.mark_missing(connection, user.id, clock.today())
    factories.add_scan(connection, user, clock.today(), ScanState.GONE)

    readiness = client.get("/readyz").json()

    assert readiness["status"] == "degraded"
    assert readiness["checks"]["users"] == "0 of 1 recorded, 1 not found at GitHub"


def test_unfinished_day_shows_how_many_users_are_due_and_waiting(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    followed = [factories.add_user(connection) for _ in range(3)]
    for user in followed:
        factories.add_scan(connection, user, clock.today())
    collection.record_completed_day(connection)
    clock.advance(timedelta(days=1))
    today = clock.today()
    factories.add_scan(connection, followed[0], today)
    factories.add_scan(
        connection,
        followed[1],
        today,
        ScanState.WAITING,
        not_before=clock.now() + timedelta(hours=1),
    )

    text = load(client, "/").one("main").text

    assert "1 of 3 recorded, 2 due, 1 of them waiting for GitHub or a retry." in text
    assert f"The last day with no user left due is {today - timedelta(1)}" in text


def test_failing_checks_are_listed(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    factories.add_user(connection)
    clock.advance(timedelta(hours=27))

    text = load(client, "/").one("main").text

    assert "Problems:" in text
    assert "1 user was not scanned for 26 hours" in text


@pytest.mark.parametrize("days", [1, 2])
def test_account_that_github_does_not_show_is_marked(
    client: TestClient, connection: Connection, clock: Clock, days: int
) -> None:
    user = factories.add_user(connection)
    for ago in reversed(range(days)):
        users.mark_missing(connection, user.id, clock.today() - timedelta(ago))
    since = clock.today() - timedelta(days - 1)

    (tag,) = load(client, "/").one("table").all("span", class_="tag bad")
    assert (tag.text, tag.attributes["title"]) == ("not found at GitHub", f"since {since}")
    main = load(client, f"/users/{user.id}").one("main").text
    assert f"GitHub shows no account with id {user.id} since {since}." in main
    assert "No day was ever recorded" in main


def add_history(
    connection: Connection, clock: Clock, login: str, stars: dict[int, int]
) -> TrackedUser:
    """Follow a user with one repository and complete days, so many days ago."""
    user = factories.add_user(connection, login=login)
    repository = factories.add_repository(connection, user, name="tool", day=clock.today())
    for days, count in sorted(stars.items(), reverse=True):
        day = clock.today() - timedelta(days)
        factories.add_rows(connection, user, repository, {day: (count, 9, 14)})
        factories.add_scan(connection, user, day, expected=1, recorded=1)
    return user


def figures(page: Element) -> dict[str, list[str]]:
    """Return the figures at the top: the value, and the line below it."""
    return {
        box.one("dt").text: [cell.text for cell in box.all("dd")]
        for box in page.one("dl").all("div")
    }


def test_figures_are_the_sums_of_all_users(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    add_history(connection, clock, "adam", {30: 1000, 7: 1400, 0: 1500})
    add_history(connection, clock, "eve", {7: 70, 0: 50})
    add_history(connection, clock, "zoe", {0: 5})
    factories.add_user(connection, login="fresh")

    page = load(client, "/?q=adam")

    assert figures(page) == {
        "Users": ["4", "3 repositories"],
        "Stars": ["1,555", "7 d +80, 30 d +500"],
        "Forks": ["27", "7 d 0, 30 d 0"],
        "Watchers": ["42", "7 d 0, 30 d 0"],
    }
    text = page.one("main").text
    assert (
        f"Sums of each user\N{RIGHT SINGLE QUOTATION MARK}s last complete day, {clock.today()};"
        " 1 user without one in 45 days not included."
        " The change over 7 days is that of 2 users with a complete day then."
        " The change over 30 days is that of 1 user with a complete day then."
    ) in text


def test_every_column_sorts_and_turns(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    add_history(connection, clock, "adam", {7: 10, 0: 50})
    add_history(connection, clock, "eve", {7: 90, 0: 95})

    heads = load(client, "/").one("thead").all("th")
    assert [head.attributes["aria-sort"] for head in heads if head.all("a")] == [
        "none",
        "descending",
        *["none"] * 6,
    ]
    assert logins(client) == ["eve", "adam"]
    (by_change,) = [head.one("a") for head in heads if head.text == "7 d"]
    address = (by_change.attributes["href"] or "").partition("#")[0]
    assert logins(client, address) == ["adam", "eve"]
    (turn,) = [
        head.one("a")
        for head in load(client, address).one("thead").all("th")
        if head.attributes.get("aria-sort") == "descending"
    ]
    assert logins(client, (turn.attributes["href"] or "").partition("#")[0]) == ["eve", "adam"]


def test_every_page_says_which_of_how_many(client: TestClient, connection: Connection) -> None:
    for number in range(101):
        factories.add_user(connection, login=f"user-{number:03}")

    page = load(client, "/?page=2&metric=forks")

    pages = page.one("nav", aria_label="Pages of the list")
    assert pages.text == "First page Previous page Page 2 of 3 Next page Last page"
    assert [link.attributes["href"] for link in pages.all("a")] == [
        "/?metric=forks#users",
        "/?metric=forks#users",
        "/?metric=forks&page=3#users",
        "/?metric=forks&page=3#users",
    ]
    assert "There is no such page." in load(client, "/?page=4").one("main").text


def test_state_of_todays_scan_is_a_tag_and_a_filter(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    add_history(connection, clock, "recorded", {0: 1})
    late = add_history(connection, clock, "late", {1: 1})
    factories.add_scan(
        connection, late, clock.today(), ScanState.WAITING, reason='limit <of "GitHub">'
    )
    factories.add_user(connection, login="fresh")

    page = load(client, "/")

    tags = {
        row.one("th").one("a").text: row.all("span", class_="tag")
        for row in page.one("tbody").all("tr")
    }
    assert {login: [tag.text for tag in found] for login, found in tags.items()} == {
        "late": ["not recorded today"],
        "fresh": ["loading"],
        "recorded": [],
    }
    assert tags["late"][0].attributes["title"] == 'limit <of "GitHub">'
    states = page.one("nav", aria_label="State of today\N{RIGHT SINGLE QUOTATION MARK}s scan")
    assert [link.text for link in states.all("a")] == [
        "All",
        "Recorded today 1",
        "Not recorded today 1",
        "Loading 1",
    ]
    address = (states.all("a")[3].attributes["href"] or "").partition("#")[0]
    assert logins(client, address) == ["fresh"]
    assert "Users 1 of 3" in load(client, address).one("main").text


def test_filter_keeps_the_other_options(client: TestClient, connection: Connection) -> None:
    factories.add_user(connection, login="adam")

    form = load(client, "/?metric=forks&sort=change_7d&order=asc&page=1").one(
        "form", class_="find-users"
    )

    fields = {each.attributes["name"]: each.attributes["value"] for each in form.all("input")}
    assert fields == {"q": "", "metric": "forks", "sort": "change_7d", "order": "asc"}


def test_list_can_be_downloaded_as_it_is_shown(client: TestClient, connection: Connection) -> None:
    factories.add_user(connection, login="adam")
    factories.add_user(connection, login="eve")

    page = load(client, "/?q=a%26d&sort=login&order=desc&state=loading")
    (address,) = [
        link.attributes["href"] or ""
        for link in page.all("a")
        if (link.attributes["href"] or "").startswith("/v1/portfolio") and link.text == "JSON"
    ]
    assert address == "/v1/portfolio?q=a%26d&sort=login&order=desc&state=loading"
    assert client.get(address).json() == []
    (user,) = client.get(address.replace("a%26d", "ad")).json()
    assert user["login"] == "adam"


def test_movers_are_of_all_users(client: TestClient, connection: Connection, clock: Clock) -> None:
    add_history(connection, clock, "adam", {7: 10, 0: 50})
    add_history(connection, clock, "eve", {7: 95, 0: 5})
    add_history(connection, clock, "zoe", {7: 95, 0: 95})

    page = load(client, "/")
    assert [each.text for each in page.one("ol", class_="movers").all("li")] == [
        "eve/tool \N{MINUS SIGN}90",
        "adam/tool +40",
    ]
    # Nothing moved: there is no list.
    assert not load(client, "/?metric=forks").all("ol", class_="movers")


def test_movers_are_made_anew_once_another_user_is_recorded_or_deleted(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    def movers() -> list[str]:
        return [each.text for each in load(client, "/").all("ol", class_="movers")]

    user = add_history(connection, clock, "adam", {7: 10, 0: 50})
    assert movers() == ["adam/tool +40"]
    eve = add_history(connection, clock, "eve", {7: 10, 0: 90})
    assert movers() == ["eve/tool +80 adam/tool +40"]
    users.delete(connection, user.id)
    assert movers() == ["eve/tool +80"]
    users.delete(connection, eve.id)
    assert movers() == []


def test_too_many_repositories_are_not_compared(
    client: TestClient, connection: Connection, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_movers, "MAX_REPOSITORIES", 0)
    add_history(connection, clock, "adam", {7: 10, 0: 50})

    movers = load(client, "/").one("section", aria_labelledby="movers")

    assert "There are too many repositories to compare them here." in movers.text
    assert movers.one("a").attributes["href"] == "/?sort=change_7d#users"


def test_pending_logins_are_listed_with_their_state(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    waiting, _ = lookups.get_or_create(connection, "waiting")
    lookups.reschedule(
        connection, waiting.id, reason="rate <limit>", not_before=clock.now() + timedelta(hours=1)
    )
    fresh, _ = lookups.get_or_create(connection, "fresh")
    failed, _ = lookups.get_or_create(connection, "failed")
    lookups.fail(connection, failed.id, "GitHub has no user failed")

    pending = load(client, "/").one("section", aria_labelledby="pending")

    assert [each.text for each in pending.all("li")] == [
        "fresh loading asking GitHub",
        "waiting waiting rate <limit>",
    ]
    assert [link.attributes["href"] for link in pending.all("a")] == [
        f"/follow/{fresh.id}",
        f"/follow/{waiting.id}",
    ]


def test_only_the_newest_pending_logins_are_listed(
    client: TestClient, connection: Connection
) -> None:
    for number in range(23):
        lookups.get_or_create(connection, f"user-{number}")

    pending = load(client, "/").one("section", aria_labelledby="pending")

    assert len(pending.all("li")) == 20
    assert "3 more are waiting." in pending.text


@pytest.mark.parametrize("query", ["sort=name", "page=0", "order=up", "metric=x", "state=x"])
def test_unknown_options_are_refused(client: TestClient, query: str) -> None:
    load(client, f"/?{query}", status=422)
