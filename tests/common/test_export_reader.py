"""Reading an export that may be anything: one line that says what is wrong, and where."""

import gzip
from io import BufferedReader, BytesIO
from typing import Any

import orjson
import pytest

from common import export_reader
from common.export_reader import MAX_LINE, ExportError
from common.export_records import BACKFILL, FORMAT_VERSION, IMPORT, OBSERVED, USER

HEADER = {"type": "export", "format": FORMAT_VERSION, "github": "github.com", "scanned_on": None}
ADA: dict[str, Any] = {
    "type": "user",
    "id": 11,
    "login": "ada",
    "name": "Ada",
    "node_id": None,
    "state": "active",
    "added_at": "2026-11-29T00:05:00.5+00:00",
    "scanned_on": "2026-11-29",
    "missing_since": None,
    "missing_at": None,
    "repositories": 1,
}
ROW = {
    "type": "observed",
    "repo_id": 7,
    "date": "2026-11-29",
    "user_id": 11,
    "stargazers": 1,
    "forks": 2,
    "watchers": 3,
}
SHEET = {
    "type": "import",
    "id": 1,
    "name": "sheet",
    "format": "csv",
    "repository": None,
    "report": {"rows": [1.5, "a\\u0000"]},
    "created_at": "2026-11-29T00:05:00+00:00",
    "applied_at": None,
}


def file_of(*records: object, header: object = HEADER, end: int | None = None) -> bytes:
    last = {"type": "end", "records": len(records) if end is None else end}
    return b"\n".join(map(orjson.dumps, (header, *records, last))) + b"\n"


def opened(content: bytes) -> BufferedReader:
    return BufferedReader(BytesIO(content))


def read(content: bytes) -> list[export_reader.Line]:
    _, lines = export_reader.read(opened(content))
    return list(lines)


def test_the_records_of_an_export_are_read_with_their_lines() -> None:
    header, lines = export_reader.read(opened(file_of(ADA, ROW, SHEET)))

    user, row, sheet = lines
    assert header.github == "github.com"
    assert (user.number, user.record) == (2, USER)
    assert dict(zip(USER.names, user.values, strict=True)) == {
        key: value for key, value in ADA.items() if key != "type"
    }
    assert (row.number, row.record) == (3, OBSERVED)
    assert row.values == (7, "2026-11-29", 11, 1, 2, 3)
    assert sheet.record is IMPORT


def test_an_export_may_be_compressed() -> None:
    assert read(gzip.compress(file_of(ADA))) == read(file_of(ADA))


def test_a_file_may_come_without_the_last_newline() -> None:
    assert len(read(file_of(ADA).rstrip())) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"repo,date,stargazers\n",
        b"PK\x03\x04",
        b'{"type": "user"}\n',
        b"[]\n",
        b'{"format": 1}\n',
        file_of(header={"type": "export"}),
        file_of(header={"type": "export", "format": True, "github": None}),
        file_of(header={"type": "export", "format": 1, "github": 5}),
        b"\x1f\x8b and then nothing of gzip",
        b"\xff\xfe{",
    ],
)
def test_what_is_no_export_is_refused(content: bytes) -> None:
    with pytest.raises(ExportError) as refused:
        read(content)

    assert "\n" not in str(refused.value)


def test_an_export_of_a_later_release_is_refused() -> None:
    later = HEADER | {"format": FORMAT_VERSION + 1}

    with pytest.raises(ExportError, match="format 2, and this release reads up to 1"):
        read(file_of(header=later))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([ADA | {"type": "wheel"}], "line 2: unknown type: 'wheel'"),
        ([ADA | {"type": ["user"]}], "line 2: unknown type: \"['user']\""),
        ([[1]], "line 2: no JSON object"),
        ([ROW, ADA], "line 3: a record of type user after one of type observed"),
        ([ADA | {"x": 1}], "line 2: unknown field of user: 'x'"),
        ([{k: v for k, v in ADA.items() if k != "login"}], "missing field of user: 'login'"),
        ([ADA, ROW | {"forks": -(2**31) - 1}], "line 3: forks of observed has to be a number of"),
        ([ROW | {"forks": 2**31}], "forks of observed has to be a number of 32 bits"),
        ([ROW | {"forks": 1.0}], "forks of observed has to be a number of 32 bits"),
        ([ROW | {"forks": True}], "forks of observed has to be a number of 32 bits"),
        ([ROW | {"forks": "2"}], "forks of observed has to be a number of 32 bits"),
        ([ROW | {"forks": None}], "forks of observed has to be a number of 32 bits"),
        ([ROW | {"repo_id": 2**63}], "repo_id of observed has to be a number of 64 bits"),
        ([ROW | {"date": "2026-02-30"}], "date of observed has to be a date like"),
        ([ROW | {"date": "2026-2-03"}], "date of observed has to be a date like"),
        ([ROW | {"date": "1026-02-03"}], "date of observed has to be a date like"),
        ([ROW | {"date": "2026-02-03\n"}], "date of observed has to be a date like"),
        ([ADA | {"login": "a\0"}], "login of user has to be a text without NUL"),
        ([ADA | {"login": 5}], "login of user has to be a text without NUL"),
        ([ADA | {"added_at": "now"}], "added_at of user has to be a time like"),
        ([ADA | {"added_at": "2026-11-29T00:05:00"}], "added_at of user has to be a time like"),
        ([ADA | {"added_at": "2026-11-29T24:05:00+00:00"}], "added_at of user has to be a time"),
        ([ADA | {"repositories": "1"}], "repositories of user has to be a number of 32 bits or nu"),
        ([SHEET | {"report": [1]}], "report of import has to be a JSON object or null"),
        ([SHEET | {"report": {"a": "\\\0"}}], "report of import has to be a JSON object or null"),
    ],
)
def test_a_wrong_record_is_refused_with_its_line(records: list[object], message: str) -> None:
    with pytest.raises(ExportError) as refused:
        read(file_of(*records))

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_line_that_is_too_long_is_not_read_to_its_end() -> None:
    file = opened(file_of(ADA | {"name": "a" * 40 * MAX_LINE}))
    _, lines = export_reader.read(file)

    with pytest.raises(ExportError, match="line 2: longer than 1024 KiB"):
        list(lines)
    assert file.tell() < 3 * MAX_LINE


@pytest.mark.parametrize("levels", [2_000, 200_000])
def test_json_that_is_nested_too_deeply_is_refused(levels: int) -> None:
    content = file_of().splitlines()
    deep = b'{"type":' + b"[" * levels + b"]" * levels + b"}"

    with pytest.raises(ExportError, match="line 2: no JSON"):
        read(b"\n".join([content[0], deep, content[1]]))


@pytest.mark.parametrize("lost", [1, 2])
def test_an_export_that_was_cut_between_two_lines_is_refused(lost: int) -> None:
    kept = b"".join(file_of(ADA, ROW).splitlines(keepends=True)[:-lost])

    with pytest.raises(ExportError, match="the file is not whole: its last line is missing"):
        read(kept)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_a_compressed_export_that_was_cut_is_refused(kept: float) -> None:
    whole = gzip.compress(file_of(ADA, ROW))

    with pytest.raises(ExportError):
        read(whole[: int(len(whole) * kept)])


def test_an_export_that_lacks_a_line_in_the_middle_is_refused() -> None:
    with pytest.raises(ExportError, match="line 3: not the number of records: 1 precede it"):
        read(file_of(ADA, end=2))


def test_what_follows_the_end_is_refused() -> None:
    with pytest.raises(ExportError, match="line 4: a line after the end"):
        read(file_of(ADA) + b"{}\n")


def test_a_field_that_may_be_null_may_be() -> None:
    reading = dict.fromkeys(BACKFILL.names) | {
        "type": BACKFILL.type,
        "repo_id": 7,
        "state": "pending",
        "next_page": 1,
        "requested_at": "2026-11-29T00:05:00+00:00",
        "is_whole": False,
    }

    assert len(read(file_of(reading))) == 1
