"""Stars that have their own times: the count at any moment, and GitHub's history of them."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import httpx

from simulator import GitHubSimulator, World
from simulator.star_log import LOS_ANGELES, Star, StarLog
from tests.simulator.clients import client_of


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starred(log: StarLog, day: date) -> tuple[World, str]:
    """Return a world with one repository, and the path of its history."""
    world = World(day=day)
    owner = world.add_account("octocat")
    repository = world.add_repository(
        owner, "hello", stars=log, created_at=utc("2026-01-05T12:00:00")
    )
    return world, f"/repositories/{repository.id}/stargazers/history"


def read(client: httpx.Client, path: str) -> dict[date, int]:
    """Return the days of all pages that have stars."""
    found: Counter[date] = Counter()
    page = 1
    while weeks := client.get(path, params={"page": page}).json():
        for week in weeks:
            sunday = datetime.fromtimestamp(week["week"], UTC)
            assert (sunday.isoweekday(), sunday.time()) == (7, time())
            assert sum(week["days"]) == week["total"]
            for number, gained in enumerate(week["days"]):
                found[sunday.date() + timedelta(days=number)] += gained
        page += 1
    return {day: gained for day, gained in found.items() if gained}


def test_a_star_that_was_given_and_taken_back_is_counted_between_and_in_no_history() -> None:
    log = StarLog()
    log.add(Star(utc("2026-03-02T12:00:00"), taken_at=utc("2026-03-04T12:00:00")))
    world, path = starred(log, date(2026, 3, 3))
    with client_of(GitHubSimulator(world)) as client:
        assert client.get("/repos/octocat/hello").json()["stargazers_count"] == 1
        assert read(client, path) == {date(2026, 3, 2): 1}

        world.day = date(2026, 3, 5)

        assert client.get("/repos/octocat/hello").json()["stargazers_count"] == 0
        assert client.get(path).json() == []
    assert len(log.stars) == 1


def test_days_of_the_history_end_at_midnight_in_los_angeles_in_winter_and_summer() -> None:
    log = StarLog()
    # Clocks go forward on 2026-03-08 and back on 2026-11-01.
    for moment in (
        *("2026-03-08T07:59:59", "2026-03-08T08:00:00", "2026-03-09T06:59:59"),
        *("2026-03-09T07:00:00", "2026-11-01T06:59:59", "2026-11-01T07:00:00"),
        *("2026-11-02T07:59:59", "2026-11-02T08:00:00"),
    ):
        log.add(Star(utc(moment)))
    world, path = starred(log, date(2026, 11, 20))

    with client_of(GitHubSimulator(world)) as client:
        found = read(client, path)

    assert found == {
        date(2026, 3, 7): 1,
        date(2026, 3, 8): 2,
        date(2026, 3, 9): 1,
        date(2026, 10, 31): 1,
        date(2026, 11, 1): 2,
        date(2026, 11, 2): 1,
    }


def test_a_star_of_a_hidden_account_is_counted_and_in_no_history() -> None:
    log = StarLog()
    log.add(Star(utc("2026-03-02T12:00:00"), is_hidden=True))
    log.add(Star(utc("2026-03-02T13:00:00")))
    world, path = starred(log, date(2026, 3, 3))

    with client_of(GitHubSimulator(world)) as client:
        assert client.get("/repos/octocat/hello").json()["stargazers_count"] == 2
        assert read(client, path) == {date(2026, 3, 2): 1}


def test_the_time_of_day_decides_which_stars_are_counted() -> None:
    log = StarLog()
    log.add(Star(utc("2026-03-02T12:00:00")))
    world, _ = starred(log, date(2026, 3, 2))
    repository = world.repositories()[0]

    assert world.truth()[repository.id].stargazers == 0
    world.set_time(time(12, 0))

    assert world.truth()[repository.id].stargazers == 1


def test_the_history_of_a_made_up_log_is_what_is_left_of_it() -> None:
    log = StarLog.random(7, date(2024, 1, 1), date(2026, 11, 30), a_day=3)
    assert log.stars == StarLog.random(7, date(2024, 1, 1), date(2026, 11, 30), a_day=3).stars
    world, path = starred(log, date(2026, 11, 20))
    now = world.now
    held = [
        star
        for star in log.stars
        if star.given_at <= now and (star.taken_at is None or star.taken_at > now)
    ]
    assert len(held) < len([star for star in log.stars if star.given_at <= now])

    with client_of(GitHubSimulator(world)) as client:
        count = client.get("/repos/octocat/hello").json()["stargazers_count"]
        found = read(client, path)

    assert count == len(held)
    assert found == Counter(
        star.given_at.astimezone(LOS_ANGELES).date() for star in held if not star.is_hidden
    )


def test_an_unchanged_page_is_304_without_a_link() -> None:
    log = StarLog.random(7, date(2024, 1, 1), date(2026, 11, 30), a_day=3)
    world, path = starred(log, date(2026, 11, 20))
    with client_of(GitHubSimulator(world)) as client:
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert "next" in first.links
    assert again.status_code == 304
    assert "link" not in again.headers
