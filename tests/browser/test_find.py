"""Filters, unfollowing and the documentation in a real browser."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection, text

from common import repositories, users
from common.users import TrackedUser
from tests import factories
from tests.browser.conftest import visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import running

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

LANGUAGES = ("C++", "Go", "Jupyter Notebook", None)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user with repositories of all kinds and four days."""
    owner = factories.add_user(connection, login="octo-org", name="Octo & Söhne")
    today = clock.today()
    first = today - timedelta(days=3)
    seen = [
        factories.make_repository(
            name=f"{'a-rather-long-name-of-a-' if number == 5 else ''}tool-{number}",
            description=f"The tool for {number} things",
            is_fork=number % 4 == 1,
            is_archived=number % 4 == 2,
        )
        for number in range(12)
    ]
    repositories.save(connection, owner.id, first, seen)
    for number, repository in enumerate(seen):
        language = LANGUAGES[number % len(LANGUAGES)]
        connection.execute(
            text("UPDATE repositories SET language = :language WHERE id = :id"),
            {"language": language, "id": repository.id},
        )
        factories.add_history(
            connection, owner, repository, until=today, stargazers=[1000 + number] * 4
        )
    for ago in range(3, -1, -1):
        factories.add_scan(connection, owner, today - timedelta(days=ago), expected=12, recorded=12)
    return owner


@pytest.mark.parametrize(
    ("width", "scheme", "scripts"), [(390, "dark", True), (1280, "light", False)]
)
def test_filter_repositories_and_unfollow(
    browser: Browser,
    make_system: MakeSystem,
    connection: Connection,
    user: TrackedUser,
    tmp_path: Path,
    *,
    width: int,
    scheme: str,
    scripts: bool,
) -> None:
    with (
        running(make_system(), "api") as system,
        visiting(browser, system.address, width=width, scheme=scheme, scripts=scripts) as visitor,
    ):
        page = visitor.page

        def look(name: str) -> None:
            page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
            if scripts:
                visitor.check()

        visitor.go("/u/octo-org")
        listed = page.get_by_role("region", name="Repositories")
        expect(listed.locator("tbody tr")).to_have_count(12)
        look("user")
        form = page.get_by_role("search", name="Filter repositories")
        form.get_by_label("Name or description").fill("tool")
        form.get_by_label("Language").select_option("Go")
        form.get_by_label("Forks").select_option("Only forks")
        form.get_by_role("button", name="Filter").click()
        expect(listed.locator("tbody tr")).to_have_count(3)
        expect(listed.get_by_role("status")).to_contain_text("3 of 12 repositories.")
        expect(form.get_by_label("Language")).to_have_value("Go")
        assert "language=Go" in page.url
        look("filtered")
        form.get_by_label("Archived").select_option("Only archived")
        form.get_by_role("button", name="Filter").click()
        expect(listed.get_by_role("status")).to_contain_text("None of 12 repositories matches.")
        listed.get_by_role("link", name="Show all").click()
        expect(listed.locator("tbody tr")).to_have_count(12)

        page.get_by_role("link", name="Unfollow octo-org").click()
        expect(page.get_by_role("listitem").filter(has_text="the counts of")).to_contain_text(
            "12 repositories on 4 days"
        )
        look("question")
        page.get_by_role("link", name="Keep following").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Octo & Söhne")
        page.get_by_role("link", name="Unfollow octo-org").click()
        page.get_by_role("button", name="Unfollow and delete").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("octo-org is not followed")
        look("unfollowed")
        assert users.get(connection, user.id) is None


def test_documentation_is_dark_where_the_system_is_and_leads_back(
    browser: Browser, make_system: MakeSystem, tmp_path: Path
) -> None:
    backgrounds = []
    with running(make_system(), "api") as system:
        for scheme in ("light", "dark"):
            with visiting(browser, system.address, width=1280, scheme=scheme) as visitor:
                page = visitor.page
                visitor.go("/docs")
                # A script makes the page, which takes a while on a busy machine.
                page.locator(".info .title", has_text="Repopulse").wait_for()
                page.locator("#operations-users-list_users").wait_for()
                page.screenshot(path=tmp_path / f"docs-{scheme}.png")
                backgrounds.append(
                    page.evaluate(
                        "getComputedStyle(document.querySelector('html')).backgroundColor"
                    )
                )
                page.get_by_role("link", name="Back to Repopulse").click()
                expect(page.get_by_role("heading", name="Followed users")).to_be_visible()
    assert backgrounds[0] != backgrounds[1]
