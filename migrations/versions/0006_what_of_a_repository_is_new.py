"""A value that differs after every write of a repository's daily rows.

The release before this one may still be running on the new schema: it leaves the value as it is.
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # One value for all that is there, so that no row is written; another one than that of a copy
    # of this database that was migrated another time.
    op.add_column(
        "repositories",
        sa.Column(
            "revision", sa.Uuid(), server_default=sa.text(f"'{uuid.uuid4()}'"), nullable=False
        ),
    )
    op.alter_column("repositories", "revision", server_default=sa.text("gen_random_uuid()"))


def downgrade() -> None:
    op.drop_column("repositories", "revision")
