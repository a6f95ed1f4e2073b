"""The files of github-repo-stats."""

import io
from datetime import date

import pytest

from worker.imports import readings
from worker.imports.github_repo_stats import read
from worker.imports.rows import Basis, FileRefusedError, Refusal, Row

SNAPSHOTS = """\
time_iso8601,stargazers_cumulative_snapshot
2024-03-01 23:05:11+00:00,83339
2024-03-04 23:05:09+00:00,83340.0
2024-03-05 01:00:00+00:00,
2024-03-06 23:05:09+00:00,83338.0
2024-03-06 11:00:00+00:00,83350.0
2024-03-06 23:30:00-05:00,83337
"""


def rows(content: str) -> list[Row | Refusal]:
    return list(read(io.BytesIO(content.encode())).rows)


def test_snapshots_are_observed_and_nothing_is_carried_between_them() -> None:
    parsed = read(io.BytesIO(SNAPSHOTS.encode()))

    assert parsed.basis is Basis.OBSERVED
    assert "only when the count had changed" in parsed.notes[0]
    assert list(parsed.rows) == [
        Refusal(6, "an earlier reading of the same day"),
        Row(2, None, date(2024, 3, 1), 83339),
        Row(3, None, date(2024, 3, 4), 83340),
        # Not 0; the task refuses a row without any count.
        Row(4, None, date(2024, 3, 5), None),
        Row(5, None, date(2024, 3, 6), 83338),
        Row(7, None, date(2024, 3, 7), 83337),
    ]


def test_two_counts_of_one_moment_are_both_kept_for_the_task_to_refuse() -> None:
    content = "time_iso8601,stargazers_cumulative_snapshot\n"
    content += "2024-03-01 01:00:00+00:00,1\n2024-03-01 01:00:00+00:00,2\n"

    day = date(2024, 3, 1)
    assert sorted(rows(content)) == [Row(2, None, day, 1), Row(3, None, day, 2)]


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("stars_cumulative", Row(2, None, date(2021, 1, 1), stargazers=5)),
        ("forks_cumulative", Row(2, None, date(2021, 1, 1), forks=5)),
    ],
)
def test_stars_and_forks_over_time_are_rebuilt_and_say_so(column: str, row: Row) -> None:
    parsed = read(io.BytesIO(f"time_iso8601,{column}\n2021-01-01 00:00:00+00:00,5\n".encode()))

    assert parsed.basis is Basis.REBUILT
    assert parsed.notes[0].startswith("Rebuilt, not observed")
    assert list(parsed.rows) == [row]


@pytest.mark.parametrize(
    "content",
    [
        "time_iso8601,clones_total,clones_unique,views_total,views_unique\n",
        "time_iso8601,forks_cumulative,stars_cumulative\n",
        "repo,date,stargazers\n",
    ],
)
def test_another_file_is_refused(content: str) -> None:
    with pytest.raises(FileRefusedError, match="this is none of"):
        rows(content)


def test_days_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "MAX_DAYS", 3)
    with pytest.raises(FileRefusedError, match="more than 3 days"):
        rows(SNAPSHOTS)
