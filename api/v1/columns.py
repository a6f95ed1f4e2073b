"""``columns=``: which columns of daily rows a client wants, in its order."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from api.http.errors import bad_query
from api.http.formats import ROW_SEPARATORS, write_text
from api.http.negotiation import Format
from api.queries.stats_columns import Column, RowText

ALL = tuple(Column)

OF_ONE_USER = tuple(each for each in Column if each not in {Column.USER_ID, Column.LOGIN})

DEFAULT = tuple(each for each in OF_ONE_USER if each is not Column.FULL_NAME)
"""Of the rows of a user or a repository, which is named in the request."""

WantedColumns = Annotated[
    list[str] | None,
    Query(
        description="The columns of CSV and NDJSON in their order, separated by commas:"
        f" {', '.join(f'`{each}`' for each in OF_ONE_USER)}. By default all but `full_name`.",
        examples=[["full_name", "date", "stargazers"]],
    ),
]


def chosen_columns(
    sent: Sequence[str] | None, available: Sequence[Column]
) -> tuple[Column, ...] | None:
    """Return the columns that a request asks for; None if it leaves the choice to the call.

    :raise RequestValidationError: there is no such column, or one is asked for twice
    """
    if sent is None:
        return None
    names = [name for value in sent for name in value.split(",")]
    for name in names:
        if name not in set(available):
            known = ", ".join(available)
            raise bad_query("columns", f"no column {name[:50]!r}: there are {known}", name)
        if names.count(name) > 1:
            raise bad_query("columns", f"{name} is there twice", ",".join(names))
    return tuple(map(Column, names))


def refuse_json(columns: Sequence[Column] | None, wanted: Format) -> None:
    """Refuse a choice of columns for a JSON body whose rows always have the same keys.

    :raise RequestValidationError: it is one
    """
    if columns is not None and wanted is Format.JSON:
        raise bad_query(
            "columns",
            "columns are those of CSV and NDJSON: add format=csv or format=ndjson",
            ",".join(columns),
        )


def row_text(columns: Sequence[Column], wanted: Format) -> RowText:
    """Return how rows with some columns are written in a format."""
    return RowText(
        columns,
        is_csv=wanted is Format.CSV,
        separator=ROW_SEPARATORS[wanted],
        write_name=lambda name: write_text(wanted, name),
    )
