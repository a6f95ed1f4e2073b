"""Batches are moved in a time that depends on their size alone."""

from sqlalchemy import Connection, text

from common import clock
from common.imports import ImportFormat, create
from tests import factories
from worker.imports import staging

REPOSITORIES = 10
DAYS = 4000


def stage(connection: Connection, name: str) -> int:
    """Stage rows of all repositories and days, as a worker that has read a file."""
    import_id = create(connection, name=name, format_=ImportFormat.CSV, repository=None)
    assert import_id is not None
    connection.execute(
        text(
            "INSERT INTO import_rows (import_id, repo_id, date, stargazers, line, repeats)"
            " SELECT :id, r.id, date '2010-01-01' + day, day, day, 0"
            " FROM repositories r, generate_series(1, :days) AS day"
        ),
        {"id": import_id, "days": DAYS},
    )
    return import_id


def test_applying_does_not_depend_on_statistics_of_other_imports(connection: Connection) -> None:
    """With a plan for one row, a batch is compared row by row, and cancelled after 30 seconds."""
    user = factories.add_user(connection)
    for _ in range(REPOSITORIES):
        factories.add_repository(connection, user, day=clock.today(connection))
    stage(connection, "analyzed")
    connection.execute(text("ANALYZE import_rows"))
    import_id = stage(connection, "new")

    moved: list[int] = []
    while not moved or moved[-1]:
        with connection.engine.begin() as transaction:
            moved.append(staging.apply_batch(transaction, import_id))

    assert moved == [staging.BATCH_ROWS, staging.BATCH_ROWS, 0]
    with connection.engine.begin() as transaction:
        assert staging.count_applied(transaction, import_id) == REPOSITORIES * DAYS
