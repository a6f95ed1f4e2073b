"""Add an index on incomplete scans, and how many users a completed day did not find.

The index is built concurrently, so that readers and writers are not blocked however many scans
there are. Processes of the previous release may run on the new schema: they leave the column null.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # This waits for older transactions, such as a backup's, and blocks no other. Outside of a
        # transaction no lock_timeout of ours applies.
        # An earlier attempt may have left an invalid one.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_scans_incomplete")
        op.create_index(
            "ix_scans_incomplete",
            "scans",
            ["day"],
            postgresql_where=sa.text("state = 'incomplete'"),
            postgresql_concurrently=True,
        )
    op.add_column("fan_outs", sa.Column("not_found", sa.Integer()))


def downgrade() -> None:
    op.drop_column("fan_outs", "not_found")
    op.drop_index("ix_scans_incomplete", table_name="scans")
