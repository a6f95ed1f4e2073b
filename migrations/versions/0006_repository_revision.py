"""Add a revision to repositories that changes with every write of their daily rows.

Processes of the previous release may run on the new schema: they leave the revision as it is.
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # One value for all existing rows, so that Postgres rewrites none. It is random, so that two
    # copies of a database that are migrated separately differ.
    op.add_column(
        "repositories",
        sa.Column(
            "revision", sa.Uuid(), server_default=sa.text(f"'{uuid.uuid4()}'"), nullable=False
        ),
    )
    op.alter_column("repositories", "revision", server_default=sa.text("gen_random_uuid()"))


def downgrade() -> None:
    op.drop_column("repositories", "revision")
