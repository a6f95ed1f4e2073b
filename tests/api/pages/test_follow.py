"""``/follow``: following a user by login, and the page that shows the progress."""

from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import lookups, scans, users
from common.broker import Queue, Task
from common.lookups import Lookup
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.fake_worker import FakeWorker, sent
from tests.api.pages.html import BROWSER, fill, load, parse
from tests.clock import Clock


def follow(client: TestClient, login: str) -> Response:
    page = "/follow" if "\n" in login else "/"
    form = fill(load(client, page), "/follow", login=login)
    return client.post("/follow", data=form, headers=BROWSER, follow_redirects=False)


def steps(client: TestClient, path: str) -> list[tuple[str, str]]:
    """Return stage and text of each step; the page and the JSON for its script must agree."""
    page = load(client, path)
    shown = [
        (step.attributes["data-stage"] or "", step.one("p").text)
        for step in page.one("ol", class_="steps").all("li")
    ]
    result = client.get(f"{path}/progress").json()
    assert [(step["stage"], step["text"]) for step in result["steps"]] == shown
    assert result["is_finished"] == (not page.all("meta", http_equiv="refresh"))
    scripts = [script.attributes["src"] or "" for script in page.all("script")]
    assert result["is_finished"] == (not any("follow" in script for script in scripts))
    return shown


def find_user(connection: Connection) -> tuple[TrackedUser, Lookup]:
    """Return a user, and the lookup that found it."""
    user = factories.add_user(connection)
    lookup, _ = lookups.get_or_create(connection, user.login)
    lookups.resolve(connection, lookup.id, user.id)
    return user, lookup


def test_following_a_login_sends_a_lookup_and_shows_its_progress(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    address = follow(client, "adam").headers["location"]

    lookup_id = int(address.rpartition("/")[2])
    assert sent(redis_url, Queue.LOAD) == [(Task.RESOLVE_LOGIN, [lookup_id])]
    assert steps(client, address) == [
        ("in progress", "asking GitHub"),
        ("pending", "not started"),
    ]


def test_an_old_login_that_begins_with_a_hyphen_is_accepted(
    client: TestClient, connection: Connection
) -> None:
    user = factories.add_user(connection, login="-old")

    assert follow(client, "-old").headers["location"] == f"/users/{user.id}"


def test_following_a_followed_user_redirects_to_the_user(
    client: TestClient, connection: Connection, worker: FakeWorker
) -> None:
    user = factories.add_user(connection, login="adam")
    worker.knows(user, login="ADAM")

    assert follow(client, " @ADAM ").headers["location"] == f"/users/{user.id}"


def test_following_a_login_that_changed_hands_redirects_to_its_new_user(
    client: TestClient, connection: Connection, worker: FakeWorker
) -> None:
    factories.add_user(connection, 1, login="adam")
    worker.knows(factories.make_user(2, login="adam"))

    assert follow(client, "adam").headers["location"] == "/users/2"


def test_following_a_followed_user_does_not_wait_for_github_longer_than_a_put(
    make_client: MakeClient, connection: Connection
) -> None:
    client = make_client(lookup_wait=0.1)
    user = factories.add_user(connection, login="adam")

    assert follow(client, "adam").headers["location"] == f"/users/{user.id}"


def test_failed_lookup_shows_its_reason(client: TestClient, connection: Connection) -> None:
    lookup, _ = lookups.get_or_create(connection, "nobody")
    lookups.fail(connection, lookup.id, "GitHub has no user nobody")

    assert steps(client, f"/follow/{lookup.id}") == [
        ("failed", "GitHub has no user nobody"),
        ("pending", "not started"),
    ]


@pytest.mark.parametrize(
    ("scan", "shown"),
    [
        (
            {"state": ScanState.CLAIMED},
            ("in progress", "reading repositories"),
        ),
        ({"state": ScanState.DONE, "recorded": 7}, ("done", "7 repositories")),
        ({"state": ScanState.DONE, "recorded": 1}, ("done", "1 repository")),
        (
            {"state": ScanState.INCOMPLETE, "reason": "2 were hidden", "recorded": 5},
            ("done", "5 of 7 repositories: 2 were hidden"),
        ),
        ({"state": ScanState.GONE, "reason": "no such account"}, ("failed", "no such account")),
    ],
)
def test_progress_shows_the_result_of_the_first_scan(
    client: TestClient,
    connection: Connection,
    clock: Clock,
    scan: dict[str, Any],
    shown: tuple[str, str],
) -> None:
    user = factories.add_user(connection, login="adam", name="Adam")
    lookup, _ = lookups.get_or_create(connection, "adam")
    lookups.resolve(connection, lookup.id, user.id)
    factories.add_scan(connection, user, clock.today(), expected=7, **scan)

    found, scanned = steps(client, f"/follow/{lookup.id}")

    assert found == ("done", f"Adam (adam), account {user.id}")
    assert scanned == shown
    assert load(client, f"/follow/{lookup.id}").all("a", href=f"/u/{user.login}")


def test_waiting_scan_shows_reason_and_next_attempt(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user, lookup = find_user(connection)
    later = clock.now() + timedelta(seconds=1)
    factories.add_scan(
        connection,
        user,
        clock.today(),
        ScanState.WAITING,
        reason="this hour's requests are used up",
        not_before=later,
    )

    _, scanned = steps(client, f"/follow/{lookup.id}")

    assert scanned == (
        "in progress",
        f"this hour's requests are used up; next attempt {later:%Y-%m-%d %H:%M} UTC",
    )


def test_incomplete_scan_with_another_attempt_is_in_progress(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user, lookup = find_user(connection)
    later = clock.now() + timedelta(seconds=1)
    factories.add_scan(connection, user, clock.today(), ScanState.CLAIMED)
    scans.reschedule(
        connection,
        user.id,
        clock.today(),
        state=ScanState.INCOMPLETE,
        reason="HTTP 502",
        not_before=later,
        expected=7,
        recorded=5,
    )

    _, scanned = steps(client, f"/follow/{lookup.id}")

    assert scanned == (
        "in progress",
        f"5 of 7 repositories: HTTP 502; next attempt {later:%Y-%m-%d %H:%M} UTC",
    )


def test_settled_incomplete_scan_is_done_although_it_has_another_look(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user, lookup = find_user(connection)
    later = clock.now() + timedelta(seconds=1)
    factories.add_scan(connection, user, clock.today(), ScanState.CLAIMED)
    scans.finish(
        connection,
        user.id,
        clock.today(),
        state=ScanState.INCOMPLETE,
        reason="GitHub blocks it: dmca",
        expected=7,
        recorded=6,
        look_at=later,
    )

    _, scanned = steps(client, f"/follow/{lookup.id}")

    assert scanned == (
        "done",
        f"6 of 7 repositories: GitHub blocks it: dmca; next attempt {later:%Y-%m-%d %H:%M} UTC",
    )


def test_progress_of_an_unfollowed_user_says_so(client: TestClient, connection: Connection) -> None:
    user, lookup = find_user(connection)
    users.delete(connection, user.id)

    found, _ = steps(client, f"/follow/{lookup.id}")

    assert found == ("failed", "found, but unfollowed since")


@pytest.mark.parametrize("login", ["_a", "a b", "<script>", "a" * 40, "../x", "é", "\x00"])
def test_invalid_login_is_explained_beside_the_field(
    client: TestClient, connection: Connection, login: str
) -> None:
    response = follow(client, login)
    page = parse(response.text)

    assert response.status_code == 422
    assert "a login must be 1 to 39 letters" in page.one("div", id="problem").text
    assert page.one("input", id="login").attributes["aria-describedby"] == "problem"
    assert page.one("input", id="login").attributes["value"] == login.strip()


@pytest.mark.parametrize("login", ["", " ", '"'])
def test_field_without_a_login_is_explained(client: TestClient, login: str) -> None:
    response = follow(client, login)

    assert response.status_code == 422
    assert "Not followed: enter a login" in parse(response.text).one("div", id="problem").text


def test_correction_is_offered(client: TestClient, connection: Connection) -> None:
    page = parse(follow(client, "octo cat").text)

    assert page.one("div", id="problem").text.endswith("Did you mean octo-cat?")


def test_pasted_address_is_followed(client: TestClient, connection: Connection) -> None:
    address = follow(client, "https://github.com/adam/some-thing").headers["location"]

    assert load(client, address).one("h1").text == "Following adam"


def test_several_are_followed_at_once(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    address = follow(client, "adam\r\nhttps://github.com/eve\r\nADAM").headers["location"]

    page = load(client, address)
    assert page.one("h1").text == "Following 2 users"
    assert [step.text for step in page.all("li", data_stage="in progress")] == [
        "adam in progress asking GitHub",
        "eve in progress asking GitHub",
    ]
    assert page.all("meta", http_equiv="refresh")
    assert len(sent(redis_url, Queue.LOAD)) == 2


def test_several_that_are_followed_already_are_linked(
    make_client: MakeClient, connection: Connection
) -> None:
    client = make_client(lookup_wait=0.1)
    for login in ("adam", "eve"):
        factories.add_user(connection, login=login)

    page = load(client, follow(client, "adam\neve").headers["location"])

    assert page.all("a", href="/u/adam")
    assert page.all("a", href="/u/eve")
    assert not page.all("meta", http_equiv="refresh")


def test_if_one_of_several_is_invalid_nobody_is_followed(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    response = follow(client, "adam\r\nhttps://gitlab.com/eve\r\n")
    page = parse(response.text)

    assert response.status_code == 422
    assert "gitlab.com is not github.com" in page.one("div", id="problem").text
    assert page.one("textarea", id="logins").text == "adam https://gitlab.com/eve"
    assert page.one("textarea", id="logins").attributes["aria-describedby"] == "problem"
    assert sent(redis_url, Queue.LOAD) == []


def test_more_than_a_bound_are_refused(client: TestClient) -> None:
    response = follow(client, "\n".join(f"user-{number}" for number in range(51)))

    assert response.status_code == 422
    assert "these are 51, and at most 50 at once" in response.text


def test_login_that_github_does_not_have_can_be_corrected(
    client: TestClient, connection: Connection
) -> None:
    lookup, _ = lookups.get_or_create(connection, "nobody")
    lookups.fail(connection, lookup.id, "GitHub has no user nobody")

    page = load(client, f"/follow/{lookup.id}")

    assert "hidden" not in page.one("form", id="another").attributes
    assert fill(page, "/follow") == {"login": "nobody"}


def test_no_other_login_is_asked_for_while_github_is_asked(
    client: TestClient, connection: Connection
) -> None:
    lookup, _ = lookups.get_or_create(connection, "adam")

    page = load(client, f"/follow/{lookup.id}")

    assert "hidden" in page.one("form", id="another").attributes


@pytest.mark.parametrize("path", ["/follow/4711", "/follow/4711/progress"])
def test_unknown_lookup_is_404(client: TestClient, path: str) -> None:
    load(client, path, status=404)


def test_form_for_several_is_a_page_of_its_own(client: TestClient) -> None:
    assert load(client, "/").all("a", href="/follow")
    assert load(client, "/follow").all("textarea", id="logins")
