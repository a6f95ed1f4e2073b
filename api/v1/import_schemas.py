"""The bodies of imports."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from common import imports
from common.imports import ImportFormat
from common.states import ImportState


class ImportedRepository(BaseModel):
    """A repository of the file that is followed."""

    repo_id: Annotated[int, Field(examples=[831775037])]
    full_name: Annotated[
        str | None,
        Field(description="Its present name.", examples=["onelonelyrepo/safe-queue"]),
    ]
    given: Annotated[
        str, Field(description="The id or name in the file.", examples=["onelonelyrepo/queue"])
    ]
    matched_by: Annotated[Literal["id", "name", "former name"], Field(examples=["former name"])]
    days: Annotated[int, Field(examples=[730])]
    first_day: Annotated[date, Field(examples=["2024-01-01"])]
    last_day: Annotated[date, Field(examples=["2025-12-30"])]


class ImportRefusal(BaseModel):
    """Rows that are not imported, for one reason."""

    reason: Annotated[str, Field(examples=["repository octocat/hello is not followed"])]
    rows: Annotated[int, Field(examples=[12])]
    lines: Annotated[
        list[int],
        Field(
            description="The first lines of the file; in a database the numbers of the rows.",
            examples=[[14, 29, 44, 59, 74]],
        ),
    ]


class ImportReport(BaseModel):
    """What was found in a file, before anything is imported."""

    basis: Annotated[
        Literal["observed", "rebuilt"],
        Field(
            description="`observed`: each count was read from GitHub on its day. `rebuilt`: the"
            " counts were computed later, from the stars or forks that still existed.",
            examples=["observed"],
        ),
    ]
    notes: Annotated[
        list[str],
        Field(description="What is left out, and what the counts mean.", examples=[[]]),
    ]
    rows: Annotated[int, Field(description="Rows of the file.", examples=[742])]
    days: Annotated[
        int, Field(description="Days of repositories that can be imported.", examples=[730])
    ]
    repeated: Annotated[
        int, Field(description="Rows that say the same as one before.", examples=[0])
    ]
    first_day: Annotated[date | None, Field(examples=["2024-01-01"])]
    last_day: Annotated[date | None, Field(examples=["2025-12-30"])]
    repository_count: Annotated[
        int, Field(description="Repositories that can be imported.", examples=[1])
    ]
    repositories: Annotated[
        list[ImportedRepository], Field(description="Up to 100, those with the most days first.")
    ]
    refused: Annotated[int, Field(description="Rows that cannot be imported.", examples=[12])]
    refusals: Annotated[list[ImportRefusal], Field(description="Up to 51 reasons.")]
    applied_days: Annotated[
        int | None,
        Field(
            description="Days that were imported, once the import is applied. Repositories that"
            " were deleted in the meantime are left out.",
            examples=[None],
        ),
    ] = None


class Import(BaseModel):
    """A history that was brought in a file."""

    id: Annotated[int, Field(examples=[3])]
    name: Annotated[
        str, Field(description="Its numbers have the source `import:<name>`.", examples=["old-csv"])
    ]
    format: Annotated[ImportFormat, Field(examples=["csv"])]
    repo: Annotated[
        str | None,
        Field(description="The repository, if the file does not say it itself.", examples=[None]),
    ]
    state: Annotated[ImportState, Field(examples=["reported"])]
    explanation: Annotated[
        str,
        Field(
            description="The state in words.",
            examples=["Nothing is imported yet: apply or delete it."],
        ),
    ]
    report: Annotated[
        ImportReport | None, Field(description="Null until a worker has read the file.")
    ]
    created_at: Annotated[datetime, Field(examples=["2026-11-28T09:30:00Z"])]
    applied_at: Annotated[datetime | None, Field(examples=[None])]

    @classmethod
    def of(cls, found: imports.Import) -> Self:
        """Return the body for an import."""
        return cls(
            id=found.id,
            name=found.name,
            format=found.format,
            repo=found.repository,
            state=found.state,
            explanation=explain(found),
            report=None if found.report is None else ImportReport.model_validate(found.report),
            created_at=found.created_at,
            applied_at=found.applied_at,
        )


class StoredImport(Import):
    """An import whose file is stored and not read yet."""

    state: Annotated[ImportState, Field(examples=["reading"])]
    explanation: Annotated[
        str, Field(examples=["The file is stored. A worker reads it as soon as one is free."])
    ]
    report: Annotated[ImportReport | None, Field(examples=[None])]


class ApplyingImport(Import):
    """An import whose rows a worker moves to the history."""

    state: Annotated[ImportState, Field(examples=["applying"])]
    explanation: Annotated[str, Field(examples=["A worker imports the rows."])]


class UndoneImport(Import):
    """An import that a worker removes."""

    state: Annotated[ImportState, Field(examples=["undoing"])]
    explanation: Annotated[
        str, Field(examples=["A worker removes the import and all that came from it."])
    ]


def explain(found: imports.Import) -> str:
    """Return the state of an import in words."""
    report = found.report or {}
    match found.state:
        case ImportState.READING if found.attempts == 0:
            return "The file is stored. A worker reads it as soon as one is free."
        case ImportState.READING:
            return "A worker reads the file."
        case ImportState.REPORTED:
            return "Nothing is imported yet: apply or delete it."
        case ImportState.APPLYING:
            return "A worker imports the rows."
        case ImportState.APPLIED:
            days = report.get("applied_days", 0)
            return f"{days:,} {'day is' if days == 1 else 'days are'} imported."
        case ImportState.UNDOING:
            return "A worker removes the import and all that came from it."
        case ImportState.REFUSED:
            return f"Nothing can be imported: {found.reason}."
