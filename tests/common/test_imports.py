"""The queue of imports: which are due, who holds one, and what may be asked of it."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from common import imports
from common.imports import ImportFormat
from common.states import ImportState
from tests.clock import Clock

LEASE = 60.0


def add(connection: Connection, name: str = "mine", *, lease: float = 0) -> int:
    import_id = imports.create(
        connection, name=name, format_=ImportFormat.CSV, repository=None, lease=lease
    )
    assert import_id is not None
    return import_id


def claim(connection: Connection, **more: object) -> list[int]:
    return imports.claim(connection, limit=10, lease=LEASE, **more)  # type: ignore[arg-type]


def put(connection: Connection, import_id: int, state: ImportState) -> None:
    """Bring an import into a state, as a task does."""
    imports.settle(connection, import_id, state, report={"days": 1})


def state(connection: Connection, import_id: int) -> ImportState:
    found = imports.get(connection, import_id)
    assert found is not None
    return found.state


def test_a_name_is_given_once(connection: Connection) -> None:
    add(connection)

    assert imports.has_name(connection, "mine")
    assert not imports.has_name(connection, "other")
    assert (
        imports.create(connection, name="mine", format_=ImportFormat.GHSTATS, repository=None)
        is None
    )


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [("a", True), ("old-csv_1.2", True), ("9", True), ("a" * 50, True)]
    + [(name, False) for name in ("", "-a", ".a", "a b", "a/b", "a\n", "é", "a" * 51)],
)
def test_what_a_name_may_be(name: str, *, is_valid: bool) -> None:
    assert imports.is_name(name) is is_valid


def test_an_import_is_due_once_until_its_lease_ends(connection: Connection, clock: Clock) -> None:
    import_id = add(connection)

    assert claim(connection) == [import_id]
    assert claim(connection) == []
    clock.advance(timedelta(seconds=LEASE + 1))
    assert claim(connection, queued=[import_id]) == []
    assert claim(connection) == [import_id]


def test_the_callers_own_message_comes_first(connection: Connection, clock: Clock) -> None:
    import_id = add(connection, lease=LEASE)

    assert claim(connection) == []
    imports.release(connection, import_id)
    assert claim(connection) == [import_id]


def test_a_lease_that_a_wrong_clock_has_left_is_void(connection: Connection, clock: Clock) -> None:
    clock.advance(timedelta(days=400))
    import_id = add(connection, lease=LEASE)
    clock.advance(timedelta(days=-400))

    assert claim(connection) == [import_id]


@pytest.mark.parametrize(
    "finished", [ImportState.REPORTED, ImportState.APPLIED, ImportState.REFUSED]
)
def test_nothing_is_due_of_an_import_that_waits_for_a_person(
    connection: Connection, finished: ImportState
) -> None:
    import_id = add(connection)
    put(connection, import_id, finished)

    assert claim(connection) == []
    assert imports.begin(connection, import_id, holder="a", lease=LEASE) is None


def test_one_task_holds_an_import(engine: Engine, clock: Clock) -> None:
    with engine.begin() as connection:
        import_id = add(connection)
        assert imports.begin(connection, import_id, holder="a", lease=LEASE)
        assert imports.begin(connection, import_id, holder="b", lease=LEASE) is None
        # The same message again: its first process is dead.
        assert imports.begin(connection, import_id, holder="a", lease=LEASE)
        assert imports.hold(connection, import_id, holder="a", state=ImportState.READING)
        assert not imports.hold(connection, import_id, holder="b", state=ImportState.READING)
        assert not imports.hold(connection, import_id, holder="a", state=ImportState.APPLYING)

    clock.advance(timedelta(seconds=LEASE - 1))
    with engine.begin() as connection:
        imports.renew(connection, import_id, holder="a", lease=LEASE)
        imports.renew(connection, import_id, holder="b", lease=LEASE * 100)
    clock.advance(timedelta(seconds=LEASE - 1))
    with engine.begin() as connection:
        assert imports.begin(connection, import_id, holder="b", lease=LEASE) is None
    clock.advance(timedelta(seconds=2))
    with engine.begin() as connection:
        taken = imports.begin(connection, import_id, holder="b", lease=LEASE)
        assert taken is not None
        assert taken.attempts == 3
        assert not imports.hold(connection, import_id, holder="a", state=ImportState.READING)


def test_only_a_reported_import_is_applied(connection: Connection) -> None:
    import_id = add(connection)
    assert imports.request_apply(connection, 4711) is None
    imports.request_apply(connection, import_id)
    assert state(connection, import_id) is ImportState.READING

    put(connection, import_id, ImportState.REPORTED)
    imports.request_apply(connection, import_id)

    assert state(connection, import_id) is ImportState.APPLYING


@pytest.mark.parametrize("before", list(ImportState))
def test_an_import_is_undone_in_any_state_and_leaves_its_task(
    connection: Connection, before: ImportState
) -> None:
    import_id = add(connection)
    imports.begin(connection, import_id, holder="a", lease=LEASE)
    connection.execute(text("UPDATE imports SET state = :state"), {"state": before})

    imports.request_undo(connection, import_id)

    assert imports.request_undo(connection, 4711) is None
    assert state(connection, import_id) is ImportState.UNDOING
    is_held = imports.hold(connection, import_id, holder="a", state=ImportState.UNDOING)
    assert is_held is (before is ImportState.UNDOING)


def test_unfinished_are_those_that_take_space(connection: Connection) -> None:
    for number, each in enumerate(ImportState):
        import_id = add(connection, f"n{number}")
        connection.execute(
            text("UPDATE imports SET state = :state WHERE id = :id"),
            {"state": each, "id": import_id},
        )

    assert imports.count_unfinished(connection) == len(ImportState) - 2
    assert imports.lock_unfinished(connection) == len(ImportState) - 2
    assert [each.name for each in imports.list_all(connection)] == [
        f"n{number}" for number in reversed(range(len(ImportState)))
    ]
