"""``python -m worker.flower``: the dashboard of the tasks, on the shared broker configuration."""

import logging
import os

from common import environment
from common.broker import make_celery
from common.errors import SetupError, exit_with_message
from common.log import configure
from common.redis_address import read_sentinels
from common.settings import load_settings
from common.start import check_redis
from common.web_address import path_of
from worker import flower_fix, flower_path

log = logging.getLogger(__name__)


def main() -> None:
    """Run until terminated."""
    settings = load_settings()
    configure(settings)
    environment.log_warnings(log)
    check_redis(settings)
    # At its start it queries workers that are not there yet, and warns of each missing answer.
    logging.getLogger("flower.inspector").setLevel(logging.ERROR)
    arguments = [
        "--quiet",
        "flower",
        # Our own lines, in our own format.
        "--logging=none",
        f"--address={settings.flower_host}",
        f"--port={settings.flower_port}",
        # The default of 100,000 remembered tasks takes hundreds of megabytes.
        "--max_tasks=10000",
        # A user's login is in args, the summary of a task is in result or, if it failed, exception.
        "--tasks_columns=name,args,state,result,exception,received,runtime,worker,uuid",
        # Workers that were scaled away leave the list.
        "--purge_offline_workers=300",
        # Read-only: a person who can read the dashboard must not be able to stop the workers.
        "--read_only=True",
    ]
    if prefix := path_of(settings.flower_public_url):
        arguments.append(f"--url_prefix={prefix.lstrip('/')}")
        flower_path.serve_below(prefix)
    if settings.flower_basic_auth is not None:
        # By environment: an argument would show in the process list.
        os.environ["FLOWER_BASIC_AUTH"] = settings.flower_basic_auth.get_secret_value()
    else:
        os.environ.pop("FLOWER_BASIC_AUTH", None)
    sentinels = read_sentinels(settings.redis)
    if sentinels is not None:
        flower_fix.apply(sentinels)
    try:
        make_celery(settings).start(arguments)
    except OSError as error:
        raise SetupError(
            f"Flower cannot listen on {settings.flower_host}:{settings.flower_port}:"
            f" {error.strerror}: set FLOWER_PORT to a free one"
        ) from error


if __name__ == "__main__":
    with exit_with_message():
        main()
