"""When a day's fan-out had reached everybody.

The release before this one may still be running on the new schema: it does not look at it.
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
