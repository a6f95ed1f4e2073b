from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from simulator import Account, Counts, World
from simulator.recorded import RecordedDataError

DAY = date(2026, 11, 23)
CSV = """date,owner,name,stargazers,forks,watchers,created_at,archived
2024-01-01,Ada,engine,10,2,1,2020-01-01T00:00:00Z,0
2024-01-08,Ada,engine,12,3,1,2020-01-01T00:00:00Z,0
2024-01-08,bob,late,5,0,0,2020-01-01T00:00:00Z,1
"""


def test_changes_leave_earlier_days_as_they_were(world: World, octocat: Account) -> None:
    hubot = world.add_account("hubot")
    moved = world.add_repository(octocat, "moved", stargazers=1)
    deleted = world.add_repository(octocat, "deleted", stargazers=2)
    hidden = world.add_repository(octocat, "hidden", stargazers=3)
    blocked = world.add_repository(octocat, "blocked", stargazers=4)
    before = world.truth()

    world.day = DAY + timedelta(days=1)
    world.transfer(moved, hubot)
    world.set_counts(moved, stargazers=100)
    world.delete_repository(deleted)
    world.hide_repository(hidden)
    world.block_repository(blocked)
    added = world.add_repository(octocat, "added")

    assert set(before) == {moved.id, deleted.id, hidden.id, blocked.id}
    assert world.truth(DAY) == before
    assert world.truth() == {
        moved.id: (hubot.id, 100, 0, 0),
        added.id: (octocat.id, 0, 0, 0),
    }


def test_what_is_added_before_the_day_first_changes_was_always_there(
    world: World, octocat: Account
) -> None:
    repository = world.add_repository(octocat, "hello", stargazers=42)

    world.day = DAY - timedelta(days=365)

    assert world.counts(repository.id) == (42, 0, 0)


def test_counters_served_follow_the_day_and_every_change(world: World, octocat: Account) -> None:
    repository = world.add_repository(
        octocat, "hello", series=lambda day: Counts(day.day, 0, 0) if day.day > 1 else None
    )

    served = [world.counts(repository.id).stargazers]
    world.set_counts(repository, watchers=5)
    world.day = DAY + timedelta(days=1)
    served.append(world.counts(repository.id).stargazers)
    world.set_counts(repository, stargazers=7)
    served.append(world.counts(repository.id).stargazers)
    world.day = DAY
    served.append(world.counts(repository.id).stargazers)
    world.day = date(2026, 12, 1)

    assert served == [23, 24, 7, 23]
    assert world.repository("octocat", "hello") is None


def test_a_deleted_account_frees_its_login_for_another_id(world: World, octocat: Account) -> None:
    world.add_repository(octocat, "hello")
    world.delete_account(octocat)

    newcomer = world.add_account("Octocat")

    assert world.account("OCTOCAT") is newcomer
    assert newcomer.id != octocat.id
    assert world.truth() == {}


def test_a_name_that_is_used_again_no_longer_redirects(world: World, octocat: Account) -> None:
    old = world.add_repository(octocat, "old")
    world.rename_repository(old, "new")
    assert world.redirect("octocat", "old") is old

    world.add_repository(octocat, "old")

    assert world.redirect("octocat", "old") is None


def test_the_same_seed_makes_the_same_world() -> None:
    worlds = [World.synthetic(seed=7, day=DAY) for _ in range(2)]

    assert worlds[0].truth() == worlds[1].truth()
    assert worlds[0].truth() != World.synthetic(seed=8, day=DAY).truth()


def test_the_synthetic_accounts_have_every_type() -> None:
    world = World.synthetic(day=DAY)
    sizes = {a.login: sum(not r.private for r in world.repositories(a)) for a in world.accounts}
    repositories = world.repositories()

    assert len(sizes) == 12
    assert {0, 257} <= set(sizes.values())
    assert any(account.name is None for account in world.accounts)
    assert any(account.name and not account.name.isascii() for account in world.accounts)
    assert {str(account.type) for account in world.accounts} == {"User", "Organization"}
    assert any(repository.is_fork for repository in repositories)
    assert any(repository.is_archived for repository in repositories)
    assert any(repository.id > 2**31 for repository in repositories)
    assert [repository.name for repository in repositories if repository.private] == [
        "secret-plans"
    ]


def test_first_repository_of_the_demo_has_years_of_stars_of_which_some_are_taken_back() -> None:
    world = World.synthetic(day=DAY)

    (repository,) = (each for each in world.repositories() if each.stars is not None)

    assert repository.owner is world.account("northwind-labs")
    assert repository.stars
    assert repository.stars.stars[0].given_at.date() == date(2023, 11, 1)
    held = world.truth()[repository.id].stargazers
    given = sum(star.given_at <= world.now for star in repository.stars.stars)
    assert 0.5 * given < held < 0.95 * given


def test_synthetic_counters_grow_and_sometimes_fall() -> None:
    world = World.synthetic(day=DAY, sizes=[30])
    days = [DAY + timedelta(days=n) for n in range(60)]
    totals = [sum(row.stargazers for row in world.truth(day).values()) for day in days]
    falls = 0
    for number in world.truth():
        stars = [world.truth(day)[number].stargazers for day in days]
        falls += sum(after < before for before, after in pairwise(stars))

    assert totals[-1] > totals[0]
    assert len(set(totals)) > 50
    assert 0 < falls < 30 * 60 / 4


def test_a_sized_world_keeps_its_sizes_on_every_day() -> None:
    world = World.synthetic(day=DAY, sizes=[3, 0, 120])

    for offset in (-30, 0, 60):
        world.day = DAY + timedelta(days=offset)
        assert len(world.truth()) == 123


def test_recorded_counters_are_those_of_the_newest_row(tmp_path: Path) -> None:
    path = tmp_path / "counters.csv"
    path.write_text(CSV)
    world = World.recorded(path, day=date(2024, 1, 7))
    engine = world.repository("ada", "engine")

    assert engine is not None
    assert list(world.truth().values()) == [(engine.owner.id, 10, 2, 1)]
    assert len(world.truth(date(2024, 1, 8))) == 2
    assert world.truth(date(2025, 1, 1))[engine.id].stargazers == 12
    assert world.truth(date(2023, 12, 31)) == {}


def test_recorded_ids_do_not_depend_on_the_part_that_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "counters.csv"
    path.write_text(CSV)

    whole = World.recorded(path, day=DAY)
    part = World.recorded(path, day=DAY, accounts=1)

    assert [account.login for account in part.accounts] == ["Ada"]
    assert part.truth().items() < whole.truth().items()


def test_a_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "counters.csv"
    path.write_text("a,b\n1,2\n")

    with pytest.raises(RecordedDataError, match="its columns are not"):
        World.recorded(path, day=DAY)
