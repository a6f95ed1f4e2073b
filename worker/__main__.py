"""``python -m worker``: one worker with its children."""

import logging
import os
import warnings

from sqlalchemy.exc import SQLAlchemyError

from common import environment
from common.credentials import choose_credential
from common.db import first_line
from common.errors import exit_with_message
from common.github_server import GITHUB_COM
from common.log import configure
from common.settings import Settings, load_settings
from common.start import Starter, check_redis, claim_redis, report_success, reported_failure

log = logging.getLogger("worker")


def prepare() -> Settings:
    """Make everything that a worker needs, and close it again.

    A setting that cannot be used shows here, not in each task.

    :raise SetupError: one cannot, the message names it; or the database records another GitHub
    """
    with reported_failure(Starter.WORKER):
        settings = load_settings()
        configure(settings)
        # Imported late, because Celery comes with it.
        from worker.process import open_process  # noqa: PLC0415

        process = open_process(settings)
        try:
            process.check()
        except SQLAlchemyError as error:
            log.warning("database not checked, the first task does that: %s", first_line(error))
        finally:
            process.close()
        check_redis(settings)
    claim_redis(settings)
    report_success(settings, Starter.WORKER)
    environment.log_warnings(log)
    _log_way_to_github(settings)
    return settings


def _log_way_to_github(settings: Settings) -> None:
    from worker.github.network import unreadable_exceptions  # noqa: PLC0415

    for entry in unreadable_exceptions(settings.no_proxy):
        log.warning("NO_PROXY: %s is no name, address or network, and has no effect", entry)
    is_github_com = settings.github.name == GITHUB_COM
    if not is_github_com:
        log.info("GitHub is %s: GraphQL at %s", settings.github.name, settings.github.graphql)
    if choose_credential(settings) is None:
        log.warning(
            "no GITHUB_TOKEN is set: GitHub allows 60 requests an hour, and each repository takes"
            " one; with a token 5,000, and one is enough for 100 repositories"
            if is_github_com
            else "no GITHUB_TOKEN is set: each repository takes a request, with a token one is"
            " enough for 100; a server in private mode answers none without a token"
        )


def main() -> None:
    """Run until terminated.

    On SIGTERM tasks have a few seconds to end; the messages of the others return to their queues.
    """
    # Celery reads it at import; by default SIGTERM waits for tasks without a limit.
    os.environ["REMAP_SIGTERM"] = "SIGQUIT"
    settings = prepare()
    # Imported late because of that, and because the app is made at import from valid settings.
    from celery.platforms import SecurityWarning  # noqa: PLC0415

    from worker import redis_check  # noqa: PLC0415
    from worker.app import app  # noqa: PLC0415

    # Celery warns of root because of pickle; this app accepts JSON alone.
    warnings.simplefilter("ignore", SecurityWarning)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--loglevel={settings.log_level}",
            # Flower tells the workers of different hosts apart by name.
            "--hostname=worker@%h",
            # Workers need no events of other workers.
            "--without-gossip",
            "--without-mingle",
        ]
    )
    redis_check.raise_refusal()


if __name__ == "__main__":
    with exit_with_message():
        main()
