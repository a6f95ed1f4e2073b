"""``python -m worker.imports``: the same as the API, from a terminal."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.imports import MAX_UNFINISHED, ImportFormat
from common.settings import Settings
from local.ports import free_port
from tests.servers import ROOT
from tests.worker.imports.desk import Desk
from worker.imports import command
from worker.imports.command import Command, CommandError

CONTENT = b"repo,date,stargazers\nocto/cat,2024-01-01,10\nno/one,2024-01-01,1\n"


def run(desk: Desk, given: Command) -> list[str]:
    return list(command.run(desk.engine, desk.settings, given))


def mine(**changes: object) -> Command:
    return Command("mine", io.BytesIO(CONTENT), **changes)  # type: ignore[arg-type]


def test_without_apply_the_report_is_printed_and_nothing_imported(desk: Desk) -> None:
    assert run(desk, mine()) == [
        ("2 rows, 0 repeated, 1 refused; to import: 1 day, observed, 2024-01-01 to 2024-01-01"),
        "  octo/cat (11), by name octo/cat: 1 day",
        "  refused 1: repository no/one is not followed (lines 3)",
        "nothing is imported yet: python -m worker.imports --name mine --apply",
    ]
    assert desk.applied() == []


def test_apply_and_undo(desk: Desk) -> None:
    before = desk.all_tables()

    assert run(desk, mine(is_apply=True))[-1] == "applied: 1 day"
    assert desk.applied() == [(11, "2024-01-01", 10, None, None)]
    assert run(desk, Command("mine", is_undo=True)) == ["undone"]

    assert desk.all_tables() == before


def test_a_report_is_applied_later(desk: Desk) -> None:
    run(desk, mine())

    assert run(desk, Command("mine", is_apply=True)) == ["applied: 1 day"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (Command("other", is_apply=True), "there is no import other"),
        (Command("other", is_undo=True), "there is no import other"),
        (Command("mine", io.BytesIO(b"x")), "an import has the name mine already"),
        (
            Command("other", io.BytesIO(b"x"), ImportFormat.GITHUB_REPO_STATS),
            "does not say of which repository",
        ),
        (Command("other", io.BytesIO(b"x")), "other is refused: the first line must"),
    ],
)
def test_what_cannot_be_done_is_one_line(desk: Desk, given: Command, reason: str) -> None:
    run(desk, mine())

    with pytest.raises(CommandError, match=reason):
        run(desk, given)


def test_its_bounds_are_those_of_the_api(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MAX_FILE_BYTES", len(CONTENT) - 1)
    with pytest.raises(CommandError, match="larger than"):
        run(desk, mine())
    monkeypatch.undo()
    for number in range(MAX_UNFINISHED):
        desk.store("x", name=f"n{number}")
    with pytest.raises(CommandError, match="5 imports are not finished"):
        run(desk, mine())


def test_a_pipe_of_small_pieces_is_stored_in_whole_chunks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pipe(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 3))

    assert run(desk, Command("mine", Pipe(CONTENT)))[1].startswith("  octo/cat")


def test_the_command_line(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(CONTENT)
    url = desk.settings.database
    done = subprocess.run(
        [
            *(sys.executable, "-m", "worker.imports", str(file)),
            *("--format", "csv", "--name", "mine", "--apply"),
        ],
        cwd=ROOT,
        env={"DATABASE_URL": url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("applied: 1 day\n")


def test_a_database_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Settings(database_url=SecretStr(f"postgresql://a:b@127.0.0.1:{free_port()}/c"))
    monkeypatch.setattr(command, "load_settings", lambda: nowhere)

    with pytest.raises(CommandError, match="the database does not answer"):
        command.main(["--name", "mine", "--apply"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--name", "mine"],
        ["--name", "mine", "file.csv"],
        ["--name", "mine", "--format", "csv"],
        ["--name", "mine", "--format", "csv", "file.csv", "--undo"],
        ["--name", "my/name", "--format", "csv", "file.csv"],
        ["--name", "mine", "--apply", "--undo"],
    ],
)
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)

    assert caught.value.code == 2
