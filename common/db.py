"""The engine, and what a transaction is.

An engine is made once a process, after the fork, by whoever owns the process: the API's lifespan, a
worker child's start, a test. Its connections say in ``pg_stat_activity`` whose they are.
"""

from sqlalchemy import Engine, MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase

NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraints get the same name on every database, so that a migration can name them."""


class Base(DeclarativeBase):
    """The base of the tables in ``common/models.py``."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def make_engine(url: str, *, process: str, pool_size: int = 1, max_overflow: int = 1) -> Engine:
    """Make the engine of one process; nothing connects yet.

    :param process: shown as ``application_name`` in ``pg_stat_activity``
    """
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        # A request would rather be told 503 than wait half a minute for a connection.
        pool_timeout=4,
        # After Postgres' restart the pool's connections are dead: test one before it is lent.
        pool_pre_ping=True,
        pool_recycle=1800,
        # Parameters hold names that people chose, and must not reach a log through an error.
        hide_parameters=True,
        connect_args={
            "application_name": f"repopulse-{process}",
            "connect_timeout": 3,
            # A peer that vanished without a word is noticed in seconds, not hours.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 15000,
            # Days are UTC days whatever the server's zone; nothing of ours needs half a minute.
            "options": "-c timezone=UTC -c statement_timeout=30000 -c lock_timeout=5000"
            " -c idle_in_transaction_session_timeout=60000",
        },
    )
