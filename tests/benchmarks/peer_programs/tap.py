"""Meltano's tap-github, as its own command runs it: ``python tap.py ADDRESS --config …``.

The request that checks the token ignores the configured address; this program redirects it there.
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
