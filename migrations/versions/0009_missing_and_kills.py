"""Add when GitHub first denied an account, and how many workers a user's scans killed in a row.

Vanished accounts are due again now: release 0.2.0 asked for them once in up to thirty days. Its
processes may run on the new schema: they leave the new columns as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("missing_at", sa.DateTime(timezone=True)))
    op.add_column(
        "users", sa.Column("kills", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.execute("UPDATE users SET not_before = '-infinity' WHERE missing_since IS NOT NULL")


def downgrade() -> None:
    op.drop_column("users", "kills")
    op.drop_column("users", "missing_at")
