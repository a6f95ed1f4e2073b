"""Create users, lookups, repositories, ownerships, daily rows by month, scans and the clock."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NEVER = sa.text("'-infinity'")
_NOW = sa.text("repopulse_now()")


def _queue_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("lease_until", sa.DateTime(timezone=True), server_default=_NEVER, nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=_NEVER, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
    ]


def upgrade() -> None:
    # One clock for all hosts. It is a function so that a test can replace it in its own database.
    op.execute(
        "CREATE FUNCTION repopulse_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now()'"
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("node_id", sa.Text()),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("scanned_on", sa.Date()),
        *_queue_columns(),
        sa.Column("held_by", sa.Text()),
        sa.Column("missing_since", sa.Date()),
        sa.Column("repositories", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.CheckConstraint("state IN ('active', 'vanished')", name=op.f("ck_users_state")),
    )
    op.create_index("ix_users_login_folded", "users", [sa.text("lower(login)")])
    op.create_index("ix_users_due", "users", [sa.text("scanned_on NULLS FIRST"), "id"])
    op.create_index(
        "ix_users_claimed",
        "users",
        ["repositories", "id"],
        postgresql_where=sa.text("held_by IS NULL AND attempts = 1"),
    )
    op.create_table(
        "lookups",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        *_queue_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_lookups"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], ondelete="SET NULL", name="fk_lookups_user_id_users"
        ),
        sa.CheckConstraint("state IN ('pending', 'done', 'failed')", name=op.f("ck_lookups_state")),
    )
    op.create_index("ix_lookups_user_id", "lookups", ["user_id"])
    op.create_index(
        "uq_lookups_login_pending",
        "lookups",
        [sa.text("lower(login)")],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "repositories",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("node_id", sa.Text()),
        sa.Column("is_fork", sa.Boolean(), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), server_default="listed", nullable=False),
        sa.Column("first_seen_on", sa.Date(), nullable=False),
        sa.Column("listed_on", sa.Date(), nullable=False),
        sa.Column("missing_since", sa.Date()),
        sa.PrimaryKeyConstraint("id", name="pk_repositories"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_repositories_user_id_users"),
        sa.CheckConstraint(
            "state IN ('listed', 'missing', 'gone')", name=op.f("ck_repositories_state")
        ),
    )
    op.create_index("ix_repositories_user_id", "repositories", ["user_id"])
    op.create_table(
        "ownerships",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "repo_id", name="pk_ownerships"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_ownerships_user_id_users"),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repositories.id"], name="fk_ownerships_repo_id_repositories"
        ),
    )
    op.create_index("ix_ownerships_repo_id", "ownerships", ["repo_id"])
    op.create_table(
        "daily_stats",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("stargazers", sa.Integer(), nullable=False),
        sa.Column("forks", sa.Integer(), nullable=False),
        sa.Column("watchers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "repo_id",
            "date",
            name="pk_daily_stats",
            postgresql_include=["user_id", "stargazers", "forks", "watchers"],
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "repo_id"],
            ["ownerships.user_id", "ownerships.repo_id"],
            name="fk_daily_stats_user_id_repo_id_ownerships",
        ),
        sa.CheckConstraint(
            "stargazers >= 0 AND forks >= 0 AND watchers >= 0", name=op.f("ck_daily_stats_counts")
        ),
        postgresql_partition_by="RANGE (date)",
    )
    # The sweep creates the months; a row whose month is missing goes to this partition.
    op.execute("CREATE TABLE daily_stats_default PARTITION OF daily_stats DEFAULT")
    op.create_table(
        "scans",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="claimed", nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("expected", sa.Integer()),
        sa.Column("recorded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("user_id", "day", name="pk_scans"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_scans_user_id_users"),
        sa.CheckConstraint(
            "state IN ('claimed', 'waiting', 'failed', 'set_aside', 'done', 'incomplete', 'gone')",
            name=op.f("ck_scans_state"),
        ),
    )
    op.create_index(
        "ix_scans_unfinished",
        "scans",
        ["day"],
        postgresql_where=sa.text("state IN ('claimed', 'waiting')"),
    )


def downgrade() -> None:
    for table in ("scans", "daily_stats", "ownerships", "repositories", "lookups", "users"):
        op.drop_table(table)
    op.execute("DROP FUNCTION repopulse_now()")
