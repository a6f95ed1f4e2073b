"""Meltano's tap-github, as its own command runs it: ``python tap.py ADDRESS --config …``.

One request has GitHub's address written in, that by which it tries its token: here it goes to the
address that the configuration has for all others.
"""

import sys
from typing import Any

import requests
from tap_github.tap import TapGitHub

GITHUB = "https://api.github.com"


def main(address: str) -> None:
    """Run the tap with the rest of the arguments."""
    get = requests.get

    def get_there(url: str, **options: Any) -> Any:
        return get(url.replace(GITHUB, address), **options)

    requests.get = get_there  # type: ignore[assignment]
    TapGitHub.cli()


if __name__ == "__main__":
    main(sys.argv.pop(1))
