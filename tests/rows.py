"""A user's daily rows, read as the API reads them."""

from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection

from api.queries import stats


def rows_of(
    connection: Connection,
    user_id: int,
    date_from: date = date(2000, 1, 1),
    date_to: date = date(2100, 1, 1),
) -> list[dict[str, Any]]:
    """Return the rows between two days, both included, ordered by repository id and day."""
    texts = stats.read_text(
        connection, user_id, date_from, date_to, row=stats.JSON_ROW, separator=","
    )
    rows = orjson.loads(b"[" + b",".join(texts) + b"]")
    return [row | {"date": date.fromisoformat(row["date"])} for row in rows]
