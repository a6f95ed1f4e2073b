"""Add the id of the installation and the GitHub that it records.

Two installations on one Redis would take each other's tasks, and the ids of two GitHub servers
would mix in one database. Processes of the previous release may run on the new schema: they do not
read the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("is_only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
        sa.Column("id", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("github", sa.Text),
        sa.CheckConstraint("is_only_row", name="one_row"),
    )
    op.execute("INSERT INTO installation DEFAULT VALUES")


def downgrade() -> None:
    op.drop_table("installation")
