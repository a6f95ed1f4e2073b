"""Add the days on which every active user was scanned, and when that was complete.

Processes of the previous release may run on the new schema: they do not read the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fan_outs",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("users", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("fan_outs")
