"""Drop the index on claimed users, which only version 0.1.0 reads.

Dropping it locks ``users`` for a moment. Processes of the previous release may run on the new
schema: they do not read the index.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_users_claimed", table_name="users")


def downgrade() -> None:
    op.create_index(
        "ix_users_claimed",
        "users",
        ["repositories", "id"],
        postgresql_where=sa.text("held_by IS NULL AND attempts = 1"),
    )
