"""Add what else is to be known of a user's day, such as a login that changed hands.

Processes of the previous release may run on the new schema: they do not read the column.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scans", sa.Column("note", sa.Text))


def downgrade() -> None:
    op.drop_column("scans", "note")
