"""Rows of imports, as a worker stores them."""

from datetime import date

from sqlalchemy import Connection, text


def store(
    connection: Connection,
    repo_id: int,
    name: str,
    rows: dict[date, tuple[int | None, int | None, int | None]],
    state: str = "applied",
) -> int:
    """Store stargazers, forks and watchers by day as those of a new import.

    :return: the id of the import
    """
    import_id: int = connection.execute(
        text(
            "INSERT INTO imports (name, format, state) VALUES (:name, 'csv', :state) RETURNING id"
        ),
        {"name": name, "state": state},
    ).scalar_one()
    for on, (stargazers, forks, watchers) in rows.items():
        connection.execute(
            text("INSERT INTO imported_stats VALUES (:repo, :on, :import, :s, :f, :w)"),
            {
                "repo": repo_id,
                "on": on,
                "import": import_id,
                "s": stargazers,
                "f": forks,
                "w": watchers,
            },
        )
    return import_id
