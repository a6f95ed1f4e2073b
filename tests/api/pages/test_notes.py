"""The notes and releases of the page of a repository, and the forms that write notes."""

from datetime import date, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import BROWSER, Element, fill, load
from tests.clock import Clock

TODAY = date(2026, 3, 20)
ONE_DAY = timedelta(days=1)

HOSTILE = "</script><script>alert(1)</script> \"' & <b>bold</b> ü 😀"


@pytest.fixture
def repository(connection: Connection, clock: Clock) -> SeenRepository:
    clock.set(TODAY)
    user = factories.add_user(connection, login="adam")
    found = factories.add_repository(connection, user, name="hello", day=TODAY - 200 * ONE_DAY)
    factories.add_rows(connection, user, found, {TODAY: (1, 1, 1)})
    return found


def marks(page: Element) -> list[str]:
    section = page.one("section", aria_labelledby="marks")
    return [item.text for item in section.all("li")]


def write(client: TestClient, repository: SeenRepository, day: date, text: str) -> int:
    action = f"/repos/{repository.id}/notes?period=90"
    page = load(client, f"/repos/{repository.id}")
    form = fill(page, action, date=day.isoformat(), text=text)
    answer = client.post(action, data=form, headers=BROWSER, follow_redirects=False)
    if answer.status_code == 303:
        assert answer.headers["location"] == f"/repos/{repository.id}?period=90#marks"
    return answer.status_code


def test_a_note_is_written_shown_as_text_and_deleted(
    client: TestClient, repository: SeenRepository
) -> None:
    assert write(client, repository, TODAY, HOSTILE) == 303

    page = load(client, f"/repos/{repository.id}")
    assert HOSTILE in [element.text for element in page.all("bdi")]
    assert all("src" in script.attributes for script in page.all("script"))
    assert not page.all("b")

    action = f"/repos/{repository.id}/notes/delete?period=90"
    answer = client.post(action, data=fill(page, action), headers=BROWSER, follow_redirects=False)
    assert answer.status_code == 303
    assert marks(load(client, f"/repos/{repository.id}")) == []


def test_notes_and_releases_of_the_period_are_newest_first(
    client: TestClient, connection: Connection, repository: SeenRepository
) -> None:
    factories.add_release(connection, repository, "v1.0", "2026-03-01T23:30:00-01:00", title="One")
    factories.add_release(connection, repository, "v0.9", TODAY - 100 * ONE_DAY)
    factories.add_release(connection, repository, "v2/x y", TODAY, is_prerelease=True)
    for day in (date(2026, 3, 2), date(2026, 3, 3), TODAY - 100 * ONE_DAY):
        assert write(client, repository, day, f"note of {day}") == 303

    page = load(client, f"/repos/{repository.id}")

    assert marks(page) == [
        "2026-03-20 prerelease v2/x y",
        "2026-03-03 note note of 2026-03-03 Delete",
        "2026-03-02 note note of 2026-03-02 Delete",
        "2026-03-02 release v1.0: One",
    ]
    links = page.one("section", aria_labelledby="marks").all("a")
    assert [link.attributes["href"] for link in links] == [
        "https://github.com/adam/hello/releases/tag/v2/x%20y",
        "https://github.com/adam/hello/releases/tag/v1.0",
    ]


@pytest.mark.parametrize("text", ["", "   ", "x" * 501, "two\nlines"])
def test_what_is_no_note_is_422(client: TestClient, repository: SeenRepository, text: str) -> None:
    assert write(client, repository, TODAY, text) == 422
    assert write(client, repository, TODAY + ONE_DAY, "tomorrow") == 422
    assert marks(load(client, f"/repos/{repository.id}")) == []


def test_without_the_key_notes_are_shown_and_not_written(
    make_client: MakeClient, client: TestClient, repository: SeenRepository
) -> None:
    visitor = make_client(api_key=SecretStr("secret"))
    assert not load(visitor, f"/repos/{repository.id}").all("section", aria_labelledby="marks")
    assert write(client, repository, TODAY, "hello") == 303

    page = load(visitor, f"/repos/{repository.id}")
    assert marks(page) == ["2026-03-20 note hello"]
    assert not page.one("section", aria_labelledby="marks").all("form")
    for path in ("notes", "notes/delete"):
        answer = visitor.post(
            f"/repos/{repository.id}/{path}",
            data={"date": TODAY.isoformat(), "text": "x"},
            headers=BROWSER,
            follow_redirects=False,
        )
        assert answer.headers["location"].startswith("/login")
    assert marks(load(visitor, f"/repos/{repository.id}")) == ["2026-03-20 note hello"]


def test_another_site_cannot_write(client: TestClient, repository: SeenRepository) -> None:
    answer = client.post(
        f"/repos/{repository.id}/notes",
        data={"date": TODAY.isoformat(), "text": "x"},
        headers={**BROWSER, "Origin": "https://evil.example"},
    )
    assert answer.status_code == 403


def test_a_chart_has_another_address_when_its_marks_change(
    client: TestClient, repository: SeenRepository
) -> None:
    def chart() -> str:
        page = load(client, f"/repos/{repository.id}")
        return page.one("div", class_="chart", id="chart").one("img").attributes["src"] or ""

    assert "marks" not in chart()
    write(client, repository, TODAY, "one")
    first = chart()
    assert "marks=true" in first
    assert chart() == first
    write(client, repository, TODAY, "two")
    assert chart() != first
    assert client.get(chart()).status_code == 200
