"""Working on an import: read its file, apply its rows, or undo it, as its state says.

All three work in batches, one transaction each, which first looks whether the task still holds the
import: it may be undone at any moment. A task that was killed is begun again by the sweep. Reading
then starts anew; applying and undoing go on, since each batch leaves fewer rows to do.
"""

import io
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine

from common import clock, imports, installation
from common.imports import Import
from common.settings import Settings
from common.states import ImportState
from worker.imports import staging
from worker.imports.cells import shorten
from worker.imports.readers import READERS
from worker.imports.report import ReportBuilder
from worker.imports.repositories import Repositories
from worker.imports.rows import FileRefusedError, ParsedFile, Reader, Refusal, Row
from worker.imports.staging import BATCH_ROWS, StagedRow
from worker.imports.stored_file import StoredFile
from worker.renewal import renewed
from worker.transactions import Transactions

log = logging.getLogger(__name__)

MAX_ROWS = 2_000_000
"""Rows of one file, also those that are refused."""

FIRST_DAY = date(2008, 1, 1)
"""GitHub began in 2008."""

_MAX_COUNT = 2**31 - 1

_MAX_ATTEMPTS = 3
"""How often a file is read that ended the process each time."""


class _NotHeldError(Exception):
    """The import was undone, or another task has taken it."""


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """How the work on an import ended.

    :param summary: one line for Flower
    """

    summary: str
    is_failure: bool = False


class Importer:
    """Works on imports, with the resources of one process.

    :param sleep: waits the given seconds
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        readers: Mapping[imports.ImportFormat, Reader] = READERS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._lease = settings.load_lease
        self._transactions = Transactions(engine, lease=settings.lease, sleep=sleep)
        self._readers = readers

    def process(self, import_id: int, *, holder: str) -> ImportOutcome:
        """Do what the state of an import says.

        :param holder: the id of the task
        """

        def begin(connection: Connection) -> Import | None:
            return imports.begin(connection, import_id, holder=holder, lease=self._lease)

        def renew(connection: Connection) -> None:
            imports.renew(connection, import_id, holder=holder, lease=self._lease)

        begun = self._transactions.run(begin)
        if begun is None:
            return ImportOutcome("nothing to do: finished, undone, or another task does it")
        work = _Work(self._transactions, begun, holder)
        try:
            with renewed(self._engine, renew, lease=self._lease):
                match begun.state:
                    case ImportState.READING:
                        return work.read(self._readers[begun.format])
                    case ImportState.APPLYING:
                        return work.apply()
                    case _:
                        return work.undo()
        except _NotHeldError:
            return ImportOutcome("stopped: undone, or another task does it")


class _Work:
    """The work of one task on one import."""

    def __init__(self, transactions: Transactions, import_: Import, holder: str) -> None:
        self._transactions = transactions
        self._import = import_
        self._holder = holder

    def read(self, reader: Reader) -> ImportOutcome:
        if self._import.attempts > _MAX_ATTEMPTS:
            return self._refuse(f"reading it failed {_MAX_ATTEMPTS} times", None)
        # A task that was killed may have left them.
        self._remove(staging.remove_staged)
        file = io.BufferedReader(StoredFile(self._transactions, self._import.id))
        report = ReportBuilder()
        try:
            parsed = reader(file)
            self._check_github(parsed)
            self._stage(parsed, report)
        except FileRefusedError as error:
            return self._refuse(str(error), None)

        def build(connection: Connection) -> dict[str, Any]:
            return report.build(connection, self._import.id, parsed)

        found = self._transactions.run(build)
        if not found["days"]:
            return self._refuse("no row of the file can be imported", found)

        def settle(connection: Connection) -> None:
            imports.settle(connection, self._import.id, ImportState.REPORTED, report=found)

        self._run(settle)
        return self._done(
            f"read: {found['days']} days of {found['repository_count']} repositories,"
            f" {found['refused']} rows refused"
        )

    def apply(self) -> ImportOutcome:
        self._remove(staging.apply_batch)
        report = dict(self._import.report or {})

        def settle(connection: Connection) -> int:
            applied = staging.count_applied(connection, self._import.id)
            report["applied_days"] = applied
            imports.settle(connection, self._import.id, ImportState.APPLIED, report=report)
            return applied

        return self._done(f"applied: {self._run(settle)} days")

    def undo(self) -> ImportOutcome:
        self._remove(staging.remove_applied)
        self._remove(staging.remove_staged)
        self._run(lambda connection: staging.remove_import(connection, self._import.id))
        return self._done("undone")

    # Reading

    def _check_github(self, parsed: ParsedFile) -> None:
        """Refuse ids of another GitHub, which name other repositories here.

        :raise FileRefusedError: this database records another GitHub than the file
        """
        if parsed.github is None:
            return
        recorded = self._transactions.run(installation.read).github
        if recorded not in (None, parsed.github):
            raise FileRefusedError(
                f"the file is of {shorten(parsed.github)}, and this database records {recorded}"
            )

    def _stage(self, parsed: ParsedFile, report: ReportBuilder) -> None:
        repositories = Repositories()
        today = self._transactions.run(clock.today)
        batch: list[Row] = []
        for item in parsed.rows:
            report.rows += 1
            if report.rows > MAX_ROWS:
                raise FileRefusedError(f"the file has more than {MAX_ROWS:,} rows: split it")
            if isinstance(item, Refusal):
                report.refuse(item.line, item.reason)
            elif reason := _fault(item, today):
                report.refuse(item.line, reason)
            else:
                batch.append(item)
            if len(batch) >= BATCH_ROWS:
                self._stage_batch(batch, repositories, report)
                batch = []
        self._stage_batch(batch, repositories, report)

    def _stage_batch(
        self, batch: list[Row], repositories: Repositories, report: ReportBuilder
    ) -> None:
        rows = [self._with_repository(row) for row in batch]
        wanted = {row.repository for row in rows if row.repository is not None}
        self._transactions.run(lambda connection: repositories.look_up(connection, wanted))
        staged: dict[tuple[int, date], StagedRow] = {}
        for row in rows:
            assert row.repository is not None  # noqa: S101 - for the type checker
            match = repositories.find(row.repository)
            if isinstance(match, str):
                report.refuse(row.line, match)
                continue
            report.match(match)
            key = match.repo_id, row.day
            new = StagedRow(row.stargazers, row.forks, row.watchers, row.line)
            stored = staged.get(key)
            staged[key] = new if stored is None else stored.join(new)
        self._run(lambda connection: staging.stage(connection, self._import.id, staged))

    def _with_repository(self, row: Row) -> Row:
        """Return a row that says of which repository it is.

        :raise FileRefusedError: neither the file nor the request says it, or both do
        """
        given = self._import.repository
        if row.repository is None:
            if given is None:
                raise FileRefusedError(
                    "the file does not say of which repository it is: give its name (repo)"
                )
            return row._replace(repository=given)
        if given is not None:
            raise FileRefusedError(
                "the file says of which repositories it is: import it without a name (repo)"
            )
        return row

    # What the three have in common

    def _run(self, work: Callable[[Connection], Any]) -> Any:
        """Run a transaction in which the task holds the import.

        :raise _NotHeldError: it does not hold it any more
        """

        def held(connection: Connection) -> Any:
            import_, holder = self._import, self._holder
            if not imports.hold(connection, import_.id, holder=holder, state=import_.state):
                raise _NotHeldError
            return work(connection)

        return self._transactions.run(held)

    def _remove(self, batch: Callable[[Connection, int], int]) -> None:
        """Run batches until none is left."""
        while self._run(lambda connection: batch(connection, self._import.id)):
            pass

    def _refuse(self, reason: str, report: dict[str, Any] | None) -> ImportOutcome:
        self._remove(staging.remove_staged)

        def settle(connection: Connection) -> None:
            imports.settle(
                connection, self._import.id, ImportState.REFUSED, report=report, reason=reason
            )

        self._run(settle)
        return self._done(f"refused: {reason}")

    def _done(self, summary: str) -> ImportOutcome:
        log.info("import %d (%s) %s", self._import.id, self._import.name, summary)
        return ImportOutcome(summary)


def _fault(row: Row, today: date) -> str | None:
    """Return what of a row cannot be, or None."""
    is_empty = True
    for count in (row.stargazers, row.forks, row.watchers):
        if count is not None:
            is_empty = False
            if not 0 <= count <= _MAX_COUNT:
                return "a count that is out of range"
    if is_empty:
        return "no count"
    if row.day > today:
        return "a day in the future"
    if row.day < FIRST_DAY:
        return f"a day before {FIRST_DAY:%Y}, when GitHub began"
    return None
