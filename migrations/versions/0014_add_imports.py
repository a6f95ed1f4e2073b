"""Add histories that people bring in files.

New tables only. Processes of the previous release may run on the new schema: they do not write the
tables, and the rows of a repository that they delete are deleted too.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_STATES = "'reading', 'reported', 'applying', 'applied', 'undoing', 'refused'"


def upgrade() -> None:
    never = sa.text("'-infinity'")
    now = sa.text("repopulse_now()")
    op.create_table(
        "imports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False, server_default="reading"),
        sa.Column("reason", sa.Text()),
        sa.Column("report", postgresql.JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("applied_at", sa.DateTime(timezone=True)),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False, server_default=never),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False, server_default=never),
        sa.Column("held_by", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.UniqueConstraint("name", name="uq_imports_name"),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_imports_state")),
    )
    op.create_table(
        "import_chunks",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "position", name="pk_import_chunks"),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["imports.id"],
            name="fk_import_chunks_import_id_imports",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("stargazers", sa.Integer()),
        sa.Column("forks", sa.Integer()),
        sa.Column("watchers", sa.Integer()),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("conflict_line", sa.Integer()),
        sa.PrimaryKeyConstraint("import_id", "repo_id", "date", name="pk_import_rows"),
    )
    op.create_table(
        "imported_stats",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("stargazers", sa.Integer()),
        sa.Column("forks", sa.Integer()),
        sa.Column("watchers", sa.Integer()),
        sa.PrimaryKeyConstraint("repo_id", "date", "import_id", name="pk_imported_stats"),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repositories.id"],
            name="fk_imported_stats_repo_id_repositories",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name="fk_imported_stats_import_id_imports"
        ),
        sa.CheckConstraint(
            "stargazers >= 0 AND forks >= 0 AND watchers >= 0",
            name=op.f("ck_imported_stats_counts"),
        ),
    )
    op.create_index("ix_imported_stats_import_id", "imported_stats", ["import_id"])


def downgrade() -> None:
    op.drop_table("imported_stats")
    op.drop_table("import_rows")
    op.drop_table("import_chunks")
    op.drop_table("imports")
