"""The plan: which programs run on which ports, and what is printed when they are ready."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.settings import Settings
from local.ports import LOOPBACK, free_port

CONCURRENCY = 2
"""Default number of the worker's children here; each takes some 40 MB."""

DEMO_TOKEN = "demo-token"  # noqa: S105 - known to the simulator alone
"""Sent to the simulator instead of the operator's real token."""


@dataclass(frozen=True)
class Program:
    """What to run, and how."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of the plan's."""

    early: bool = False
    """It may start before the tables are up to date."""

    once: bool = False
    """It ends by itself and is not started again."""


@dataclass(frozen=True)
class ListeningPort:
    """A port that has to be free, and the setting that names it."""

    setting: str
    host: str
    port: int


@dataclass(frozen=True)
class Plan:
    """What to run."""

    data_dir: Path
    database_url: str | None
    """The operator's own Postgres; None for the embedded one."""

    redis_url: str | None
    ports: Sequence[ListeningPort]
    migration: Program
    programs: Sequence[Program]
    ready_at: tuple[str, int]
    """Host and port of the API; everything is ready when its ``/readyz`` answers 200."""

    welcome: Sequence[str]
    """Lines to print then."""

    redis_prefix: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    """For every program, on top of the runner's own."""

    afterwards: Sequence[Program] = ()
    """Programs to start then."""


def plan_up(settings: Settings) -> Plan:
    """Return the plan of ``make up``: the API, a worker, beat, Flower, and servers unless set."""
    api = _address(settings.api_host, settings.api_port)
    flower = _address(settings.flower_host, settings.flower_port)
    worker = {}
    if "worker_concurrency" not in settings.model_fields_set:
        worker["WORKER_CONCURRENCY"] = str(CONCURRENCY)
    return Plan(
        data_dir=settings.data_dir,
        database_url=settings.database_url.get_secret_value() if settings.database_url else None,
        redis_url=settings.redis_url.get_secret_value() if settings.redis_url else None,
        redis_prefix=settings.redis_prefix,
        # The files have been read: each program gets the addresses themselves.
        environment={"DATABASE_URL_FILE": "", "REDIS_URL_FILE": ""},
        ports=(
            ListeningPort("API_PORT", settings.api_host, settings.api_port),
            ListeningPort("FLOWER_PORT", settings.flower_host, settings.flower_port),
        ),
        migration=Program("migrate", _python("migrations"), once=True),
        programs=(
            # Its imports take as long as the migration; until that ends the API is "not ready".
            Program("api", _python("api"), early=True),
            Program("worker", _python("worker"), worker),
            Program("beat", _python("worker.beat")),
            Program("flower", _python("worker.flower")),
        ),
        ready_at=(_reachable(settings.api_host), settings.api_port),
        welcome=(
            "Ready.",
            f"  pages and API  {api}",
            f"  documentation  {api}/docs",
            f"  Flower         {flower}",
            "Ctrl-C stops everything.",
        ),
    )


def plan_demo(settings: Settings) -> Plan:
    """Return the plan of ``make demo``: a simulated GitHub, with data and servers of its own."""
    plan = plan_up(
        settings.model_copy(
            update={
                "data_dir": settings.data_dir / "demo",
                # The demo's invented numbers must never reach a real database.
                "database_url": None,
                "redis_url": None,
            }
        )
    )
    port = free_port()
    simulator = Program("github", _python("simulator", "--port", str(port), "--accounts", "14"))
    seed = Program("demo", _python("local.seed"), once=True)
    return replace(
        plan,
        environment={
            **plan.environment,
            "GITHUB_API_URL": f"http://{LOOPBACK}:{port}",
            "GITHUB_TOKEN": DEMO_TOKEN,
            "GITHUB_TOKEN_FILE": "",
            # Empty means not set. Only one credential may be set, and here it is the demo's.
            "GITHUB_APP_ID": "",
            "GITHUB_APP_PRIVATE_KEY": "",
            "GITHUB_APP_PRIVATE_KEY_FILE": "",
            "GITHUB_APP_INSTALLATION_ID": "",
        },
        programs=(simulator, *plan.programs),
        afterwards=(seed,),
    )


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _reachable(host: str) -> str:
    """Return an address of this machine for a server that listens on all of them."""
    return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)


def _address(host: str, port: int) -> str:
    name = _reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
