"""``docs/benchmarks.md``: the figures of one run, the machine, the versions and the commit."""

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import redis
from sqlalchemy import text

from common.db import make_engine
from tests.benchmarks.figure import Figure
from tests.servers import ROOT, Servers

PAGE = ROOT / "docs" / "benchmarks.md"

_PACKAGES = ("fastapi", "uvicorn", "sqlalchemy", "psycopg2-binary", "celery", "redis")

_ABOUT = """# Benchmarks

Written by `make bench`: one run, one machine, one commit. Seconds differ from machine to machine,
ratios hardly do, so each figure is compared with the limit or with what people would use instead.
"Met" says whether the aim was reached.
"""


def write(
    sections: Iterable[tuple[str, str, list[Figure]]], servers: Servers, seconds: float
) -> None:
    """Write the page from titles, descriptions and figures."""
    parts = [_ABOUT, _circumstances(servers, seconds)]
    parts += [
        f"## {title}\n\n{how.strip()}\n\n{table(figures)}\n" for title, how, figures in sections
    ]
    PAGE.write_text("\n".join(parts))


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a table in Markdown."""
    lines = ["| what | measured | compared with | ratio | aim | met |", "| --- " * 6 + "|"]
    for each in figures:
        met = {True: "yes", False: "**no**", None: ""}[each.met]
        cells = (each.what, each.measured, each.compared_with, each.ratio, each.aim, met)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _circumstances(servers: Servers, seconds: float) -> str:
    commit = _of_git("rev-parse", "--short", "HEAD")
    if _of_git("status", "--porcelain", "--untracked-files=no"):
        commit += " with uncommitted changes"
    memory = psutil.virtual_memory().total / 1024**3
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    postgres, valkey = _versions(servers)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}; {_processor()}, {os.cpu_count()} cores,"
        f" {memory:.0f} GB, {platform.system()} {platform.release()}; Python"
        f" {platform.python_version()}, {packages}; Postgres {postgres}, Valkey {valkey}. The run"
        f" took {seconds / 60:.0f} minutes.\n"
    )


def _versions(servers: Servers) -> tuple[str, str]:
    engine = make_engine(servers.postgres_url, process="benchmark")
    with engine.connect() as connection:
        postgres: str = connection.execute(text("SHOW server_version")).scalar_one()
    engine.dispose()
    with redis.Redis.from_url(servers.redis_url) as client:
        server: Any = client.info("server")
    return postgres, server["valkey_version"]


def _of_git(*words: str) -> str:
    answer = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
