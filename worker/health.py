"""``python -m worker.health [--beat]``: exit status 0 where this host's worker is at work."""

import sys

from common.settings import load_settings
from worker.heartbeat import is_alive, path_of

if __name__ == "__main__":
    path = path_of(load_settings(), is_beat="--beat" in sys.argv[1:])
    if not is_alive(path):
        sys.exit(f"repopulse: {path.name} was not touched for a minute")
