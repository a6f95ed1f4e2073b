"""Pages of star histories: what they mean, and which are refused."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.worker.github.lab import Lab
from worker.github.errors import Blocked, Gone, PolicyRefusal, TryAgain
from worker.github.history import HistoryPage, Week

SUNDAY = date(2026, 11, 22)


@pytest.fixture
def lab(redis_url: str) -> Iterator[Lab]:
    opened = Lab(redis_url)
    yield opened
    opened.close()


def week(ago: int = 0, days: list[Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A week of GitHub's; by default one star on its Monday."""
    days = days or [0, 1, 0, 0, 0, 0, 0]
    sunday = datetime(2026, 11, 22, tzinfo=UTC) - timedelta(days=7 * ago)
    return {"week": int(sunday.timestamp()), "total": sum(days), "days": days, **changes}


def page(lab: Lab, content: Any, number: int = 1, **headers: str) -> HistoryPage | None:
    """The page that the client makes of GitHub's answer."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, content=json.dumps(content), headers={"Content-Type": "application/json"} | headers
        )

    return lab.github(answer).history(7, number)


def test_it_asks_by_id_for_the_most_weeks_and_with_an_etag(lab: Lab) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(304) if "If-None-Match" in request.headers else good()

    def good() -> httpx.Response:
        return httpx.Response(
            200,
            json=[week()],
            headers={"ETag": 'W/"abc"', "Date": "Sat, 28 Nov 2026 10:00:00 GMT"},
        )

    github = lab.github(answer)

    first = github.history(7, 3)
    again = github.history(7, 3, etag='W/"abc"')

    assert first == HistoryPage(
        (Week(SUNDAY, (0, 1, 0, 0, 0, 0, 0)),),
        is_last=True,
        etag='W/"abc"',
        answered_at=datetime(2026, 11, 28, 10, tzinfo=UTC),
    )
    assert again is None
    assert [request.url.path for request in asked] == ["/repositories/7/stargazers/history"] * 2
    assert dict(asked[0].url.params) == {"per_page": "30", "page": "3"}
    assert asked[1].headers["If-None-Match"] == 'W/"abc"'


def test_gains_are_by_day(lab: Lab) -> None:
    found = page(lab, [week(0, [0, 0, 0, 0, 0, 0, 5]), week(1)])

    assert found is not None
    assert {day: gained for day, gained in found.gains.items() if gained} == {
        date(2026, 11, 28): 5,
        date(2026, 11, 16): 1,
    }
    assert len(found.gains) == 14


@pytest.mark.parametrize(
    ("weeks", "number", "link", "is_last"),
    [
        (0, 1, "", True),
        (29, 1, "", True),
        (30, 1, "", False),
        # Should GitHub have fewer weeks on a page than asked for.
        (20, 1, '<https://api.github.com/x?page=2>; rel="next"', False),
        (30, 100, "", True),
    ],
)
def test_a_short_page_is_the_last_one(
    lab: Lab, weeks: int, number: int, link: str, is_last: bool
) -> None:
    found = page(lab, [week(ago) for ago in range(weeks)], number, Link=link)

    assert found is not None
    assert found.is_last is is_last
    assert len(found.weeks) == weeks


def test_a_week_that_comes_twice_counts_once(lab: Lab) -> None:
    found = page(lab, [week(0), week(1), week(1), week(2)])

    assert found is not None
    assert [each.sunday for each in found.weeks] == [
        SUNDAY - timedelta(days=7 * ago) for ago in range(3)
    ]


def test_a_week_that_begins_at_los_angeles_midnight_is_the_same_week(lab: Lab) -> None:
    found = page(lab, [week(week=week()["week"] + 8 * 3600)])

    assert found is not None
    assert found.weeks[0].sunday == SUNDAY
    assert found.weeks[0].saturday == date(2026, 11, 28)


@pytest.mark.parametrize(
    "content",
    [
        {"weeks": []},
        ["week"],
        [{}],
        [week(week="2026-11-22")],
        [week(week=True)],
        [week(week=-1)],
        [week(week=2**62)],
        [week(week=week()["week"] + 86400)],
        [week(days=[1] * 6, total=6)],
        [week(days=[1] * 8, total=8)],
        [week(days=[1, -1, 1, 0, 0, 0, 0], total=1)],
        [week(days=[1.0, 0, 0, 0, 0, 0, 0], total=1)],
        [week(days=None, total=0)],
        [week(total=2)],
        [week(total=None)],
        [week(0), week(2)],
        [week(1), week(0)],
        [week(0), week(0, [9, 0, 0, 0, 0, 0, 0])],
    ],
)
def test_a_page_that_cannot_be_right_is_not_used(lab: Lab, content: Any) -> None:
    with pytest.raises(TryAgain, match=r"a history of stars|HTTP 200 without usable JSON"):
        page(lab, content)


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (404, {"message": "Not Found"}, Gone),
        (451, {"message": "Repository access blocked", "block": {"reason": "dmca"}}, Blocked),
        (
            403,
            {"message": "the organization has an IP allow list enabled, and your address is not"},
            PolicyRefusal,
        ),
        (502, {"message": "Server Error"}, TryAgain),
    ],
)
def test_a_refusal_is_the_error_that_it_means(
    lab: Lab, status: int, content: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        lab.github(lambda _: httpx.Response(status, json=content)).history(7, 1)


def test_a_redirect_is_followed_once(lab: Lab) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/repositories/7/"):
            return httpx.Response(301, headers={"Location": "/repositories/8/x"}, json={})
        return httpx.Response(200, json=[week()])

    found = lab.github(answer).history(7, 1)

    assert found is not None
    assert found.weeks


def test_an_etag_that_cannot_be_a_header_is_dropped(lab: Lab) -> None:
    found = page(lab, [week()], ETag='"a b"')

    assert found is not None
    assert found.etag is None
