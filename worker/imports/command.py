"""Import a file from the command line, or apply or undo an import; only the database is needed.

The work is done in this process, with the same transactions and leases as in a worker. If it is
killed, a worker goes on.
"""

import argparse
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from common import import_chunks, imports, tables
from common.db import first_line, make_engine, outage_reason
from common.errors import RepopulseError
from common.import_chunks import CHUNK_BYTES, MAX_FILE_BYTES
from common.imports import MAX_UNFINISHED, Import, ImportFormat
from common.settings import Settings, load_settings
from common.states import ImportState
from worker.imports.importer import Importer


class CommandError(RepopulseError):
    """The command cannot do what it was told; the message says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to do.

    :param file: the file to import; None for an import that exists
    :param repository: the full name, if the file is of one repository and does not say which
    """

    name: str
    file: BinaryIO | None = None
    format: ImportFormat = ImportFormat.CSV
    repository: str | None = None
    is_apply: bool = False
    is_undo: bool = False


def run(engine: Engine, settings: Settings, command: Command) -> Iterator[str]:
    """Do what a command says; yield the lines to print.

    :raise CommandError: it cannot be done
    """
    importer = Importer(engine, settings)
    holder = f"command-{uuid.uuid4()}"
    with engine.begin() as connection:
        import_id = _store(connection, settings, command) if command.file else None
    if import_id is None:
        import_id = _find(engine, command.name)
    else:
        importer.process(import_id, holder=holder)
        yield from _describe(_get(engine, import_id))
    if command.is_undo:
        with engine.begin() as connection:
            imports.request_undo(connection, import_id, lease=settings.load_lease)
        yield importer.process(import_id, holder=holder).summary
    elif command.is_apply:
        with engine.begin() as connection:
            imports.request_apply(connection, import_id, lease=settings.load_lease)
        importer.process(import_id, holder=holder)
        found = _get(engine, import_id)
        if found.state is not ImportState.APPLIED:
            raise CommandError(f"{found.name} is not applied: it is {found.state}")
        assert found.report is not None  # noqa: S101 - for the type checker
        yield f"applied: {_count(found.report['applied_days'], 'day')}"
    elif command.file is not None:
        yield f"nothing is imported yet: python -m worker.imports --name {command.name} --apply"


def _store(connection: Connection, settings: Settings, command: Command) -> int:
    """Store a file in one transaction; return the id of its import."""
    assert command.file is not None  # noqa: S101 - for the type checker
    if command.format.needs_repository and command.repository is None:
        raise CommandError(f"a file of {command.format} does not say of which repository it is")
    import_id = imports.create(
        connection,
        name=command.name,
        format_=command.format,
        repository=command.repository,
        lease=settings.load_lease,
    )
    if import_id is None:
        raise CommandError(f"an import has the name {command.name} already")
    size = 0
    for position, chunk in enumerate(iter(lambda: _read(command.file), b"")):
        size += len(chunk)
        if size > MAX_FILE_BYTES:
            raise CommandError(f"the file is larger than {MAX_FILE_BYTES // 1024**2} MiB: split it")
        import_chunks.add(connection, import_id, position, chunk)
    if imports.lock_unfinished(connection) > MAX_UNFINISHED:
        raise CommandError(f"{MAX_UNFINISHED} imports are not finished: apply or undo one first")
    return import_id


def _read(file: BinaryIO | None) -> bytes:
    """Return a whole chunk, also of a pipe, or what is left."""
    assert file is not None  # noqa: S101 - for the type checker
    chunk = b""
    while piece := file.read(CHUNK_BYTES - len(chunk)):
        chunk += piece
    return chunk


def _find(engine: Engine, name: str) -> int:
    columns = tables.imports.c
    with engine.begin() as connection:
        found: int | None = connection.execute(
            select(columns.id).where(columns.name == name)
        ).scalar()
    if found is None:
        raise CommandError(f"there is no import {name}")
    return found


def _get(engine: Engine, import_id: int) -> Import:
    with engine.begin() as connection:
        found = imports.get(connection, import_id)
    if found is None:
        raise CommandError("the import was undone meanwhile")
    return found


def _describe(found: Import) -> Iterator[str]:
    """Yield the lines of a report.

    :raise CommandError: nothing of the file can be imported
    """
    if found.report is not None:
        yield from _lines(found.report)
    if found.state is not ImportState.REPORTED:
        raise CommandError(f"{found.name} is {found.state}: {found.reason}")


def _lines(report: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{_count(report['rows'], 'row')}, {report['repeated']} repeated, {report['refused']}"
        f" refused; to import: {_count(report['days'], 'day')}, {report['basis']},"
        f" {report['first_day']} to {report['last_day']}"
    )
    yield from report["notes"]
    for each in report["repositories"]:
        yield (
            f"  {each['full_name']} ({each['repo_id']}), by {each['matched_by']}"
            f" {each['given']}: {_count(each['days'], 'day')}"
        )
    for refusal in report["refusals"]:
        lines = ", ".join(map(str, refusal["lines"]))
        yield f"  refused {refusal['rows']}: {refusal['reason']} (lines {lines})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m worker.imports",
        description="Import a history from a file, or apply or undo an import.",
    )
    parser.add_argument("file", nargs="?", help="the file; - reads standard input")
    parser.add_argument("--name", required=True, help="the numbers get the source import:NAME")
    parser.add_argument("--format", choices=[*ImportFormat], help="what wrote the file")
    parser.add_argument("--repo", help="owner/name, if the file does not say it")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--apply", action="store_true", help="import what the report says")
    action.add_argument("--undo", action="store_true", help="remove the import and its numbers")
    given = parser.parse_args(arguments)
    if (given.file is None) != (given.format is None):
        parser.error("give a file together with its format")
    if (given.file is None and not (given.apply or given.undo)) or (given.file and given.undo):
        parser.error("give a file, or an import to apply or undo")
    if not imports.is_name(given.name):
        parser.error("a name has letters, digits and . _ -")
    settings = load_settings()
    engine = make_engine(settings.database, process="operator")
    try:
        with _opened(given.file) as file:
            command = Command(
                given.name,
                file,
                ImportFormat(given.format or ImportFormat.CSV),
                given.repo,
                is_apply=given.apply,
                is_undo=given.undo,
            )
            for line in run(engine, settings, command):
                print(line)
    except SQLAlchemyError as error:
        reason = outage_reason(error)
        if reason is None:
            raise
        raise CommandError(f"{reason}: {first_line(error)}") from error
    finally:
        engine.dispose()


@contextmanager
def _opened(path: str | None) -> Iterator[BinaryIO | None]:
    if path is None or path == "-":
        yield None if path is None else sys.stdin.buffer
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        yield file
