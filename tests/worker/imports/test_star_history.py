"""The files of star-history.com and daily-stars-explorer."""

import io
from datetime import date

import pytest

from worker.imports.rows import Basis, FileRefusedError, Refusal, Row
from worker.imports.star_history import read

POINTS = """\
Repository,Date,Stars
octo/cat,Fri Jun 07 2024 23:54:20 GMT-0500 (Central Daylight Time),0
octo/cat,Wed Dec 11 2024 14:35:13 GMT+0100 (Mitteleuropäische Normalzeit),390
hexa/pod,Wed Dec 11 2024 14:35:13 GMT+0000,630
hexa/pod,Wed Dec 11 2024 18:35:13 GMT+0000,640
octo/cat,Thu Jan 01 1970 00:00:00 GMT+0000,1
octo/cat,Thu Foo 01 1970 00:00:00 GMT+0000,1
octo/cat,Thu Feb 31 2020 00:00:00 GMT+0000,1
octo/cat,yesterday,1
cat,Wed Dec 11 2024 14:35:13 GMT+0000,1
"""

DAYS = """\
date,day-stars,total-stars
31-12-2023,4,1580
01-02-2024,0,1580
2024-02-02,2,1582
32-01-2024,2,1584
"""


def rows(content: str) -> list[Row | Refusal]:
    return list(read(io.BytesIO(content.encode())).rows)


def test_points_of_several_repositories() -> None:
    parsed = read(io.BytesIO(POINTS.encode()))

    assert parsed.basis is Basis.REBUILT
    assert parsed.notes[0].startswith("Rebuilt, not observed")
    assert list(parsed.rows) == [
        Refusal(4, "an earlier reading of the same day"),
        Refusal(7, "Thu Foo 01 1970 00:00:00 GMT+0000 is not a date"),
        Refusal(8, "Thu Feb 31 2020 00:00:00 GMT+0000 does not exist"),
        Refusal(9, "yesterday is not a date like 2024-06-10"),
        Refusal(10, "cat is not a repository"),
        Row(2, "octo/cat", date(2024, 6, 8), 0),
        Row(3, "octo/cat", date(2024, 12, 11), 390),
        Row(5, "hexa/pod", date(2024, 12, 11), 640),
        # The task refuses days before GitHub.
        Row(6, "octo/cat", date(1970, 1, 1), 1),
    ]


def test_days_of_one_repository_have_the_day_of_the_month_first() -> None:
    parsed = read(io.BytesIO(DAYS.encode()))

    assert parsed.basis is Basis.REBUILT
    assert "end" in parsed.notes[1]
    assert list(parsed.rows) == [
        Refusal(5, "2024-01-32 does not exist"),
        Row(2, None, date(2023, 12, 31), 1580),
        Row(3, None, date(2024, 2, 1), 1580),
        Row(4, None, date(2024, 2, 2), 1582),
    ]


def test_another_file_is_refused() -> None:
    with pytest.raises(FileRefusedError, match="the first line must be Repository,Date,Stars"):
        rows("date,stars\n")
