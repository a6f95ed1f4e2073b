"""What a repository is about: its description and its language, as GitHub last showed them.

The release before this one may still be running on the new schema: it leaves both as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a default: no row is written again.
    op.add_column("repositories", sa.Column("description", sa.Text()))
    op.add_column("repositories", sa.Column("language", sa.Text()))


def downgrade() -> None:
    op.drop_column("repositories", "language")
    op.drop_column("repositories", "description")
