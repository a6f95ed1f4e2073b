"""The resources of one worker process: made once, after the fork, and closed in that process."""

from dataclasses import dataclass

import redis
from sqlalchemy import Engine

from common.db import make_engine
from common.redis_client import make_redis
from common.settings import Settings
from worker.backfill import Backfiller
from worker.claim import GitHubClaim
from worker.collect import Collector
from worker.github.client import GitHub, make_github
from worker.imports.importer import Importer
from worker.lookup import Resolver


@dataclass(frozen=True)
class Process:
    """Engine, Redis and GitHub of one process, and what works with them."""

    settings: Settings
    engine: Engine
    redis: "redis.Redis"
    github: GitHub
    collector: Collector
    resolver: Resolver
    importer: Importer
    backfiller: Backfiller

    def check(self) -> None:
        """Refuse a database that records another GitHub than that of the settings.

        :raise SetupError: it does
        :raise SQLAlchemyError: the database does not answer, or is not migrated
        """
        with self.engine.connect() as connection:
            GitHubClaim(self.settings.github.name).check(connection)

    def close(self) -> None:
        """Close all connections."""
        self.github.close()
        self.redis.close()
        self.engine.dispose()


def open_process(settings: Settings) -> Process:
    """Make the resources of this process; nothing connects yet.

    :raise SetupError: a setting cannot be used
    """
    engine = make_engine(settings.database, process="worker")
    client = make_redis(settings)
    github = make_github(settings, client)
    return Process(
        settings,
        engine,
        client,
        github,
        Collector(engine, github, settings),
        Resolver(engine, github, settings),
        Importer(engine, settings),
        Backfiller(engine, github, client, settings),
    )
