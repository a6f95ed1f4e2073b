"""The key of the daily rows carries the rest in an order without padding: 44 bytes, not 52.

Readers and writers go on, however many rows there are: the new indexes are made beside them, and to
put them in the old ones' place takes a moment. The release before this one may still be running on
the new schema: it sees no difference.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _replace_key("stargazers, forks, watchers, user_id")


def downgrade() -> None:
    _replace_key("user_id, stargazers, forks, watchers")


def _replace_key(included: str) -> None:
    index = f"(repo_id, date) INCLUDE ({included})"
    with op.get_context().autocommit_block():
        # It waits for transactions that began before it, such as a backup's; nobody waits for it.
        lock_timeout = op.get_bind().scalar(sa.text("SHOW lock_timeout"))
        op.execute("SET lock_timeout = 0")
        for partition in _partitions():
            if _is_whole(f"{partition}_key"):
                # Made by an attempt that ended later than here.
                continue
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {partition}_key")
            op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {partition}_key ON {partition} {index}")
        op.execute(f"SET lock_timeout = '{lock_timeout}'")
    op.execute("LOCK TABLE daily_stats IN ACCESS EXCLUSIVE MODE")
    op.execute("ALTER TABLE daily_stats DROP CONSTRAINT pk_daily_stats")
    op.execute(f"ALTER TABLE ONLY daily_stats ADD CONSTRAINT pk_daily_stats PRIMARY KEY {index}")
    for partition in _partitions():
        # A month may have been made since.
        op.execute(f"CREATE UNIQUE INDEX IF NOT EXISTS {partition}_key ON {partition} {index}")
        op.execute(
            f"ALTER TABLE {partition} ADD CONSTRAINT {partition}_pkey"
            f" PRIMARY KEY USING INDEX {partition}_key"
        )
        op.execute(f"ALTER INDEX pk_daily_stats ATTACH PARTITION {partition}_pkey")


def _partitions() -> list[str]:
    return list(
        op.get_bind().scalars(
            sa.text(
                "SELECT relid::regclass::text FROM pg_partition_tree('daily_stats') WHERE isleaf"
                " ORDER BY 1"
            )
        )
    )


def _is_whole(index: str) -> bool:
    found = op.get_bind().scalar(
        sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"),
        {"name": index},
    )
    return bool(found)
