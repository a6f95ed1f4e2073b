"""Add notes on days, and releases with how far their reading is.

New tables only. Processes of the previous release may run on the new schema: they do not write the
tables, and the rows of a repository that they delete are deleted too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", "date", name="pk_notes"),
        _of_repository("notes"),
        sa.CheckConstraint("char_length(text) BETWEEN 1 AND 500", name=op.f("ck_notes_length")),
    )
    op.create_table(
        "releases",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_prerelease", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", "id", name="pk_releases"),
        _of_repository("releases"),
    )
    op.create_table(
        "release_readings",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("read_on", sa.Date()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("repo_id", name="pk_release_readings"),
        _of_repository("release_readings"),
    )


def _of_repository(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["repo_id"],
        ["repositories.id"],
        name=f"fk_{table}_repo_id_repositories",
        ondelete="CASCADE",
    )


def downgrade() -> None:
    op.drop_table("release_readings")
    op.drop_table("releases")
    op.drop_table("notes")
