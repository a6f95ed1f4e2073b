"""Take the README's pictures of the pages, from a demo that is started for it.

``python -m tests.browser.screenshots`` writes them to ``docs/screenshots``.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from common.errors import exit_with_message
from local.ports import free_port
from tests.browser.chromium import chromium
from tests.servers import ROOT
from tests.waiting import wait_until

PICTURES = ROOT / "docs" / "screenshots"

USER = 1000003
"""An organisation of the demo with repositories of every kind."""

_READY = "accounts followed"


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo in a directory of its own; give its address when everybody is recorded."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        output = Path(directory) / "output"
        settings = {
            "DATA_DIR": str(Path(directory) / "data"),
            "API_PORT": str(port),
            "FLOWER_PORT": str(free_port()),
        }
        with (
            output.open("wb") as file,
            subprocess.Popen(
                [sys.executable, "-m", "local", "demo"],
                cwd=ROOT,
                env=os.environ | settings,
                stdout=file,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            address = f"http://127.0.0.1:{port}"
            try:
                wait_until(lambda: _READY in output.read_text(), 180)
                wait_until(lambda: _is_recorded(address), 120)
                yield address
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(30)


def _is_recorded(address: str) -> bool:
    """Say whether every user's newest day is done."""
    with httpx.Client(base_url=address) as client:
        users = client.get("/v1/users").json()
        days = [client.get(f"/v1/users/{user['id']}/scans").json() for user in users]
    return all(found and found[0]["state"] == "done" for found in days)


def take(browser: Browser, address: str, name: str, path: str, *, dark: bool, width: int) -> None:
    """Take a picture of what a visitor sees of a page without scrolling."""
    page = browser.new_page(
        viewport={"width": width, "height": 900 if width > 600 else 844},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
    )
    page.goto(address + path, wait_until="networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")
    page.close()


def main() -> None:
    """Take all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with chromium() as browser, demo() as address:
        repositories = httpx.get(
            f"{address}/v1/users/{USER}/repos?sort=stargazers&order=desc&limit=1"
        ).json()
        repository = f"/repos/{repositories[0]['id']}"
        for name, path, dark, width in (
            ("overview", "/", False, 1280),
            ("user", f"/users/{USER}", False, 1280),
            ("repository", f"{repository}?metric=all", True, 1280),
            ("phone", f"/users/{USER}", True, 390),
            ("status", "/status", False, 1280),
        ):
            take(browser, address, name, path, dark=dark, width=width)
            print(f"{PICTURES.relative_to(ROOT)}/{name}.png")


if __name__ == "__main__":
    with exit_with_message():
        main()
