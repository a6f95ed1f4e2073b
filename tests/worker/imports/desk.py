"""Imports files as a worker does, and shows what came of them."""

import itertools
from datetime import date
from typing import Any

from sqlalchemy import Engine, text

from common import import_chunks, imports, names
from common.import_chunks import CHUNK_BYTES
from common.imports import Import, ImportFormat
from common.repositories import SeenRepository
from common.settings import Settings
from common.users import TrackedUser
from tests import factories
from worker.imports.importer import Importer, ImportOutcome

TODAY = date(2026, 11, 23)

_ids = itertools.count(1)


class Desk:
    """Octo has the repositories 11 (``octo/cat``) and 12; Hexa has 21 (``hexa/pod``)."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.importer = Importer(engine, settings)
        with engine.begin() as connection:
            self.octo = factories.add_user(connection, 1, "octo")
            self.hexa = factories.add_user(connection, 2, "hexa")
        self.name_repository(self.octo, 11, "cat")
        self.name_repository(self.octo, 12, "dog")
        self.name_repository(self.hexa, 21, "pod")

    def name_repository(self, user: TrackedUser, repo_id: int, name: str) -> SeenRepository:
        """Store a repository under a name, as a scan does."""
        repository = factories.make_repository(repo_id, name)
        with self.engine.begin() as connection:
            names.save(connection, user.id, TODAY, user.login, [repository])
            factories.add_repository(connection, user, repo_id, name)
        return repository

    def store(
        self,
        content: str | bytes,
        format_: ImportFormat = ImportFormat.CSV,
        *,
        repository: str | None = None,
        name: str | None = None,
    ) -> int:
        """Store a file; return the id of the import."""
        content = content.encode() if isinstance(content, str) else content
        with self.engine.begin() as connection:
            import_id = imports.create(
                connection,
                name=name or f"import-{next(_ids)}",
                format_=format_,
                repository=repository,
            )
            assert import_id is not None
            for position, start in enumerate(range(0, len(content), CHUNK_BYTES)):
                piece = content[start : start + CHUNK_BYTES]
                import_chunks.add(connection, import_id, position, piece)
        return import_id

    def process(self, import_id: int, *, holder: str = "task") -> ImportOutcome:
        """Run the task."""
        return self.importer.process(import_id, holder=holder)

    def read(
        self,
        content: str | bytes,
        format_: ImportFormat = ImportFormat.CSV,
        *,
        repository: str | None = None,
    ) -> Import:
        """Store and read a file; return the import."""
        import_id = self.store(content, format_, repository=repository)
        self.process(import_id)
        found = self.get(import_id)
        assert found is not None
        return found

    def report(
        self,
        content: str | bytes,
        format_: ImportFormat = ImportFormat.CSV,
        *,
        repository: str | None = None,
    ) -> dict[str, Any]:
        """Return the report about a file, of which some can be imported."""
        found = self.read(content, format_, repository=repository)
        assert found.report is not None, found.reason
        return found.report

    def apply(self, import_id: int) -> None:
        """Apply an import."""
        with self.engine.begin() as connection:
            imports.request_apply(connection, import_id)
        self.process(import_id)

    def undo(self, import_id: int) -> None:
        """Undo an import."""
        with self.engine.begin() as connection:
            imports.request_undo(connection, import_id)
        self.process(import_id)

    def get(self, import_id: int) -> Import | None:
        """Return an import."""
        with self.engine.begin() as connection:
            return imports.get(connection, import_id)

    def staged(self) -> list[tuple[Any, ...]]:
        """Return all staged rows: repository, day, the three counts."""
        return self._rows("import_rows")

    def applied(self) -> list[tuple[Any, ...]]:
        """Return all applied rows: repository, day, the three counts."""
        return self._rows("imported_stats")

    def _rows(self, table: str) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            rows = connection.execute(
                text(
                    "SELECT repo_id, date::text, stargazers, forks, watchers"
                    f" FROM {table} ORDER BY repo_id, date, import_id"
                )
            )
            return [tuple(row) for row in rows]

    def all_tables(self) -> dict[str, list[str]]:
        """Return every row of every table."""
        with self.engine.begin() as connection:
            tables = connection.execute(
                text(
                    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                    " AND relnamespace = 'public'::regnamespace ORDER BY relname"
                )
            ).scalars()
            return {
                table: list(
                    connection.execute(
                        text(f"SELECT t::text FROM {table} t ORDER BY t::text")
                    ).scalars()
                )
                for table in tables.all()
            }
