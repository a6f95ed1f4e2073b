"""The engine, and what a transaction is.

An engine is made once a process, after the fork, by whoever owns the process: the API's lifespan, a
worker child's start, a test. Its connections say in ``pg_stat_activity`` whose they are.
"""

from sqlalchemy import Engine, create_engine


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
