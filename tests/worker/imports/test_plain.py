"""The plain CSV format, and what every CSV is held to."""

import io
from datetime import date

import pytest

from worker.imports import csv_file, plain
from worker.imports.rows import Basis, FileRefusedError, Refusal, Row

DAY = date(2024, 1, 31)


def rows(content: bytes | str) -> list[Row | Refusal]:
    content = content.encode() if isinstance(content, str) else content
    return list(plain.read(io.BytesIO(content)).rows)


def one(content: bytes | str) -> Row | Refusal:
    (row,) = rows(content)
    return row


def test_every_column() -> None:
    content = b"repo,date,stargazers,forks,watchers\nocto/cat,2024-01-31,1,2,3\n"

    assert plain.read(io.BytesIO(content)).basis is Basis.OBSERVED
    assert rows(content) == [Row(2, "octo/cat", DAY, 1, 2, 3)]


@pytest.mark.parametrize(
    "content",
    [
        "repo,date,stargazers\r\n11,2024-01-31,5\r\n",
        "\ufeffrepo,date,stargazers\n11,2024-01-31,5",
        '"repo","date","stargazers"\n"11","2024-01-31","5"\n',
        "stargazers,repo_id,date\n5,11,2024-01-31\n",
        " Repo , DATE ,stargazers\n 11 , 2024-01-31 , 5 \n",
        "repo,date,stargazers\n\n11,2024-01-31,5\n\n,,\n",
        "repo,date,stargazers\n11,2024-01-31,5.0\n",
        "repo,date,stargazers\n11,2024-01-31T05:00:00Z,005\n",
    ],
)
def test_the_same_row_in_many_ways(content: str) -> None:
    row = one(content)

    assert row[1:] == (11, DAY, 5, None, None)


def test_an_empty_cell_is_unknown_and_not_zero() -> None:
    assert one("repo,date,stargazers,forks\n11,2024-01-31,,0\n") == Row(2, 11, DAY, None, 0)


def test_a_file_of_one_repository_needs_no_column_for_it() -> None:
    assert one("date,forks\n2024-01-31,5\n") == Row(2, None, DAY, None, 5)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2024-01-31 23:30:00", DAY),
        ("2024-01-31 23:30:00+00:00", DAY),
        ("2024-01-31T23:30:00-05:00", date(2024, 2, 1)),
        ("2024-02-01T00:30:00+0100", DAY),
        ("2024-01-31 23:30 UTC", DAY),
        ("2024-01-31T23:30:00.123456789Z", DAY),
    ],
)
def test_a_time_with_a_zone_becomes_its_utc_day(cell: str, day: date) -> None:
    assert one(f"date,forks\n{cell},5\n") == Row(2, None, day, None, 5)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("11,2024-02-30,1", "2024-02-30 does not exist"),
        ("11,31.01.2024,1", "31.01.2024 is not a date like 2024-06-10"),
        ("11,2024-W05-1,1", "2024-W05-1 is not a date like 2024-06-10"),
        ("11,20240131,1", "20240131 is not a date like 2024-06-10"),
        ("11,0001-01-01T00:00:00+05:00,1", "0001-01-01T00:00:00+05:00 does not exist"),
        ("11,,1", "no date"),
        ("11,2024-01-31,-1", "-1 is not a count"),
        ("11,2024-01-31,1.5", "1.5 is not a count"),
        ("11,2024-01-31,1e3", "1e3 is not a count"),
        ("11,2024-01-31,\u0661", "\u0661 is not a count"),
        ('11,2024-01-31,"1,000"', "1,000 is not a count"),
        ("11,2024-01-31,9999999999999", "9999999999999 is not a count"),
        ("cat,2024-01-31,1", "cat is not a repository"),
        ("a/b/c,2024-01-31,1", "a/b/c is not a repository"),
        (",2024-01-31,1", "an empty cell is not a repository"),
        ("11,2024-01-31", "the line has other than 3 cells"),
        ("11,2024-01-31,1,2", "the line has other than 3 cells"),
        ("11,2024-01-31,\x07" + "x" * 50, f"\ufffd{'x' * 39}… is not a count"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_line(line: str, reason: str) -> None:
    content = f"repo,date,stargazers\n{line}\n11,2024-01-31,1\n"

    assert rows(content) == [Refusal(2, reason), Row(3, 11, DAY, 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n\n", "must name the columns"),
        (b"repo,date\n", "must name the columns"),
        (b"repo,stargazers\n", "must name the columns"),
        (b"repo,date,stargazers,issues\n", "must name the columns"),
        (b"repo;date;stargazers\n", "must name the columns"),
        (b"date,forks,forks\n", "a column occurs twice"),
        ("date,forks\n2024-01-31,1\n".encode("utf-16"), "UTF-16"),
        (b"date,forks\n2024-01-31,1\n2024-02-01,\xe9\n", "line 3 is not UTF-8"),
        (b"date,forks\n2024-01-31,1\x00\n", "line 2 has a NUL byte"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"PK\x03\x04", "compressed"),
        (b"SQLite format 3\x00", "SQLite"),
        (b'date,forks\n2024-01-31,"1\n', "line 2 is not CSV"),
        (b'date,forks\n2024-01-31,"1"2\n', "line 2 is not CSV"),
    ],
)
def test_a_file_that_is_no_csv_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(FileRefusedError, match=reason):
        rows(content)


def test_lines_are_bounded() -> None:
    longest = "date,forks," + " " * csv_file.MAX_LINE_BYTES
    with pytest.raises(FileRefusedError, match="line 1 is longer"):
        rows(longest)


def test_a_quoted_field_over_many_lines_is_bounded() -> None:
    content = b'date,forks\n2024-01-31,"' + b"x" * 1000 + b"\n" * 10
    with pytest.raises(FileRefusedError, match="is not CSV"):
        rows(content + b"y" * 100 + b"\n" + b"\n".join(b"z" * 4000 for _ in range(100)))
