"""Keep the newest counts of each repository, and the totals of each whole day of a user.

A list of 20,000 repositories that is sorted by its counts would look up as many daily rows, and
the totals of a month would add up 600,000. The totals of past days are added up here, a month at a
time, while readers and scans go on: twenty seconds for 15 million rows. The newest counts come with
the next scan.

Processes of the previous release may run on the new schema. They do not write what is new here, and
it does not count once such a process has scanned the user: it changes ``repositories.revision`` and
``scans.finished_at``, of which copies are kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TOTALS = (
    ("stargazers", sa.BigInteger()),
    ("forks", sa.BigInteger()),
    ("watchers", sa.BigInteger()),
    ("totals_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    # An earlier attempt may have ended while it added up.
    op.create_table(
        "latest_stats",
        sa.Column("repo_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("stargazers", sa.Integer(), nullable=False),
        sa.Column("forks", sa.Integer(), nullable=False),
        sa.Column("watchers", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("repo_id", name="pk_latest_stats"),
        sa.ForeignKeyConstraint(
            ["repo_id"],
            ["repositories.id"],
            name="fk_latest_stats_repo_id_repositories",
            ondelete="CASCADE",
        ),
        postgresql_with={"fillfactor": 50},
        if_not_exists=True,
    )
    for name, kind in _TOTALS:
        op.add_column("scans", sa.Column(name, kind), if_not_exists=True)
    # This commits the new columns, which nobody can read until then.
    with op.get_context().autocommit_block():
        _add_up(op.get_bind())


def _add_up(connection: sa.Connection) -> None:
    """Store the totals of all days that are done, a month at a time."""
    months = connection.scalars(
        sa.text(
            """
            SELECT DISTINCT date_trunc('month', day::timestamp)::date FROM scans
            WHERE state = 'done' AND totals_at IS NULL ORDER BY 1
            """
        )
    ).all()
    for month in months:
        connection.execute(
            sa.text(
                """
                UPDATE scans s
                SET stargazers = coalesce(t.stargazers, 0), forks = coalesce(t.forks, 0),
                    watchers = coalesce(t.watchers, 0), totals_at = s.finished_at
                FROM scans day LEFT JOIN (
                    SELECT user_id, date, sum(stargazers) AS stargazers, sum(forks) AS forks,
                           sum(watchers) AS watchers
                    FROM daily_stats
                    WHERE date >= :month AND date < :month + interval '1 month'
                    GROUP BY user_id, date
                ) t ON t.user_id = day.user_id AND t.date = day.day
                WHERE s.user_id = day.user_id AND s.day = day.day AND s.state = 'done'
                  AND s.day >= :month AND s.day < :month + interval '1 month'
                """
            ),
            {"month": month},
        )


def downgrade() -> None:
    for name, _ in reversed(_TOTALS):
        op.drop_column("scans", name)
    op.drop_table("latest_stats")
