"""Add the description and the main language of repositories, as GitHub last showed them.

Processes of the previous release may run on the new schema: they leave both columns as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a default, so that Postgres rewrites no row.
    op.add_column("repositories", sa.Column("description", sa.Text()))
    op.add_column("repositories", sa.Column("language", sa.Text()))


def downgrade() -> None:
    op.drop_column("repositories", "language")
    op.drop_column("repositories", "description")
