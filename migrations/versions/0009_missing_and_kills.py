"""Add when GitHub first denied an account, and how many workers a user's scans killed in a row.

An index finds the users who wait or are to have another look. It is built concurrently, so that
readers and writers are not blocked. Vanished accounts are due again now: release 0.2.0 asked for
them once in up to thirty days. Processes of the previous release may run on the new schema: they
leave the new columns as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # This waits for older transactions, such as a backup's, and blocks no other. Outside of a
        # transaction no lock_timeout of ours applies.
        # An earlier attempt may have left an invalid one.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_users_not_before")
        op.create_index(
            "ix_users_not_before",
            "users",
            ["not_before"],
            postgresql_where=sa.text("isfinite(not_before)"),
            postgresql_concurrently=True,
        )
    op.add_column("users", sa.Column("missing_at", sa.DateTime(timezone=True)))
    op.add_column(
        "users", sa.Column("kills", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.execute("UPDATE users SET not_before = '-infinity' WHERE missing_since IS NOT NULL")


def downgrade() -> None:
    op.drop_column("users", "kills")
    op.drop_column("users", "missing_at")
    op.drop_index("ix_users_not_before", table_name="users")
