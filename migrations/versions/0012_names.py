"""Add the names that accounts and repositories have and had.

The current names are those of ``users`` and ``repositories``, seen on the newest day that is known
of each. While they are copied, two seconds for 100,000 repositories, writers wait and readers do
not. Processes of the previous release may run on the new schema: they do not write the table, and
the rows of a user whom they delete are deleted too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "names",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("repo_id", sa.BigInteger()),
        sa.Column("first_seen_on", sa.Date(), nullable=False),
        sa.Column("last_seen_on", sa.Date()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.UniqueConstraint(
            "user_id",
            "repo_id",
            "name",
            name="uq_names_user_id_repo_id_name",
            postgresql_nulls_not_distinct=True,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_names_user_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "repo_id"],
            ["ownerships.user_id", "ownerships.repo_id"],
            name="fk_names_user_id_repo_id_ownerships",
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_index(
        "ix_names_login_folded",
        "names",
        [sa.text("lower(name)")],
        postgresql_where=sa.text("repo_id IS NULL"),
    )
    op.execute(
        """
        INSERT INTO names (user_id, name, first_seen_on)
        SELECT id, login,
               least((repopulse_now() AT TIME ZONE 'UTC')::date,
                     coalesce(scanned_on, (added_at AT TIME ZONE 'UTC')::date))
        FROM users
        """
    )
    op.execute(
        """
        INSERT INTO names (user_id, repo_id, name, first_seen_on)
        SELECT r.user_id, r.id, r.name,
               least((repopulse_now() AT TIME ZONE 'UTC')::date, r.listed_on)
        FROM repositories r JOIN ownerships o ON o.user_id = r.user_id AND o.repo_id = r.id
        """
    )


def downgrade() -> None:
    op.drop_table("names")
