"""Add what GitHub's history of stars said, and how far its reading has come.

New tables only. Processes of the previous release may run on the new schema: they do not write the
tables, and the rows of a repository that they delete are deleted too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    never = sa.text("'-infinity'")
    now = sa.text("repopulse_now()")
    op.create_table(
        "star_gains",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("gained_first", sa.Integer(), nullable=False),
        sa.Column("gained_last", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "repo_id",
            "day",
            name="pk_star_gains",
            postgresql_include=["gained_first", "gained_last", "read_at"],
        ),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repositories.id"],
            name="fk_star_gains_repo_id_repositories",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "gained_first >= 0 AND gained_last >= 0", name=op.f("ck_star_gains_counts")
        ),
    )
    op.create_table(
        "backfills",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="pending"),
        sa.Column("reason", sa.Text()),
        sa.Column("next_page", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("read_through", sa.Date()),
        sa.Column("read_from", sa.Date()),
        sa.Column("is_whole", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("reading_through", sa.Date()),
        sa.Column("reading_from", sa.Date()),
        sa.Column("etag", sa.Text()),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.Column("stargazers", sa.Integer()),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False, server_default=never),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False, server_default=never),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("repo_id", name="pk_backfills"),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repositories.id"],
            name="fk_backfills_repo_id_repositories",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'done', 'none', 'failed')", name=op.f("ck_backfills_state")
        ),
    )
    op.create_index(
        "ix_backfills_pending",
        "backfills",
        ["is_whole", "attempts", "requested_at", "repo_id"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_backfills_leased",
        "backfills",
        ["lease_until"],
        postgresql_where=sa.text("state = 'pending'"),
    )


def downgrade() -> None:
    op.drop_table("backfills")
    op.drop_table("star_gains")
