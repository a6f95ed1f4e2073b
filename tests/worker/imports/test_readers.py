"""Whatever is in a file, a reader refuses it or returns rows; nothing else happens."""

import io
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.imports import ImportFormat
from worker.imports.readers import READERS
from worker.imports.rows import FileRefusedError, Refusal, Row

HEADERS = {
    ImportFormat.CSV: b"repo,date,stargazers,forks,watchers\n",
    ImportFormat.REPOPULSE: b'{"type":"export","format":1,"github":"github.com"}\n',
    ImportFormat.GITHUB_REPO_STATS: b"time_iso8601,stars_cumulative\n",
    ImportFormat.GHSTATS: b"SQLite format 3\x00",
    ImportFormat.STAR_HISTORY: b"Repository,Date,Stars\n",
    ImportFormat.DAILY_STARS_EXPLORER: b"date,day-stars,total-stars\n",
}

CELLS = st.one_of(
    st.text(max_size=12),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.datetimes(timezones=st.timezones() | st.none()).map(str),
    st.sampled_from(
        ["", "octo/cat", "11", "Fri Jun 07 2024 23:54:20 GMT-0500 (x)", "31-12-2023", '"', "\x00"]
    ),
)

LINES = st.lists(st.lists(CELLS, min_size=1, max_size=6).map(",".join), max_size=8).map(
    lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
)


def read(format_: ImportFormat, content: bytes) -> list[Row | Refusal] | str:
    """Return the rows of a file, or why it is refused."""
    try:
        return list(READERS[format_](io.BufferedReader(io.BytesIO(content))).rows)
    except FileRefusedError as error:
        return str(error)


def check(format_: ImportFormat, content: bytes) -> None:
    found = read(format_, content)
    if isinstance(found, str):
        # It is stored as JSON and shown in one line.
        assert "\n" not in found
        assert "\x00" not in found
        return
    for row in found:
        assert isinstance(row.line, int)
        if isinstance(row, Refusal):
            assert row.reason.isprintable()
            continue
        assert isinstance(row, Row)
        assert type(row.day) is date
        assert isinstance(row.repository, int | str | None)
        for count in (row.stargazers, row.forks, row.watchers):
            assert count is None or isinstance(count, int)


def test_every_format_has_a_reader() -> None:
    assert set(READERS) == set(HEADERS) == set(ImportFormat)


@pytest.mark.parametrize("format_", list(ImportFormat))
@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200) | LINES)
def test_any_file_is_read_or_refused(format_: ImportFormat, content: bytes) -> None:
    check(format_, content)
    check(format_, HEADERS[format_] + content)
