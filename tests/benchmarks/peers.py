"""Sixty repositories of twelve organisations at a simulated GitHub that takes 50 ms for an answer:
fetched by PyGithub in a loop over each organisation's repositories; by Meltano's tap-github, a
Singer tap, once for the organisations and once for the repositories by name; and by our collector
on a second day, which is like all later ones, including the writes to Postgres. Each runs with its
defaults (PyGithub pauses a quarter of a second between requests), the tap with the stream
`repositories` only. Watchers are right if they are GitHub's `subscribers_count`; `watchers_count`
is the stars, and the tap's list of an organisation has no other. The ratio is their points divided
by ours.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import redis
from pydantic import SecretStr

import common.db
from common import scans, users
from common.settings import Settings
from common.users import TrackedUser
from simulator import GitHubSimulator, World, serving
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.clock import Clock
from tests.rows import rows_of
from tests.servers import ROOT
from tests.worker.stage import TODAY
from worker.collect import Collector
from worker.github.client import make_github

TITLE = "Tools that people would use instead"

PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
"""Of the environment that `make bench` makes for them."""

_SCRIPTS = Path(__file__).parent / "peer_programs"
_SIZES = [17, 1, 4, 6, 2, 9, 5, 1, 6, 4, 3, 2]
_LATENCY = 0.05
_TOKEN = "good"

Row = tuple[int, int, int, int | None]
"""Repository, stars, forks, watchers."""
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class _Fetched:
    requests: int
    points: int
    seconds: float
    watchers: int
    """How many are right."""

    def shown(self) -> str:
        return (
            f"{self.requests} requests, {self.points} points, {self.seconds:.1f} s,"
            f" {self.watchers} of {sum(_SIZES)} watchers right"
        )


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of ours and of theirs."""
    world = World.synthetic(seed=1, sizes=_SIZES, day=TODAY)
    for account in world.accounts:
        world.convert_to_organization(account)
    simulator = GitHubSimulator(world, tokens={_TOKEN: None}, latency=_LATENCY)
    with serving(simulator) as address, _collector(bench, simulator, address) as record:
        first = _fetch(simulator, record)
        ours = _fetch(simulator, record)
        assert first.watchers == ours.watchers == sum(_SIZES)
        ours_shown = f"ours: {ours.shown()}"
        found = [Figure("ours on a first day", first.shown(), ours_shown, _ratio(first, ours))]
        if not PYTHON.exists():
            missing = Figure("PyGithub, tap-github", "not measured: not installed", ours_shown)
            return [*found, missing]
        logins = [account.login for account in world.accounts]
        names = [
            repository.full_name
            for account in world.accounts
            for repository in world.repositories(account)
            if not repository.private
        ]
        tools: dict[str, Callable[[], Rows]] = {
            "PyGithub, `watchers_count`": lambda: _pygithub(address, logins, "watchers_count"),
            "PyGithub, `subscribers_count`": lambda: _pygithub(
                address, logins, "subscribers_count"
            ),
            "tap-github, the organisations": lambda: _tap(
                bench, address, {"organizations": logins}
            ),
            "tap-github, the repositories by name": lambda: _tap(
                bench, address, {"repositories": names}
            ),
        }
        for what, fetch in tools.items():
            theirs = _fetch(simulator, fetch)
            found.append(Figure(what, theirs.shown(), ours_shown, _ratio(theirs, ours)))
        return found


def _ratio(theirs: _Fetched, ours: _Fetched) -> str:
    return f"{theirs.points / ours.points:.0f}"


def _fetch(simulator: GitHubSimulator, fetch: Callable[[], Rows]) -> _Fetched:
    simulator.requests.clear()
    began = time.monotonic()
    rows = fetch()
    seconds = time.monotonic() - began
    truth = simulator.world.truth(TODAY)
    # Whoever misses a repository, its stars or its forks, measures something else.
    assert len(rows) == sum(_SIZES)
    for repository, stargazers, forks, _ in rows:
        assert (stargazers, forks) == (truth[repository].stargazers, truth[repository].forks)
    records = list(simulator.requests)
    return _Fetched(
        len(records),
        sum(record.cost for record in records),
        seconds,
        sum(truth[repository].watchers == watchers for repository, _, _, watchers in rows),
    )


@contextmanager
def _collector(
    bench: Bench, simulator: GitHubSimulator, address: str
) -> Iterator[Callable[[], Rows]]:
    """Give what records a day of all accounts, the next one each time."""
    with bench.databases.fresh() as url, redis.Redis.from_url(bench.servers.redis_url) as client:
        settings = Settings(
            database_url=SecretStr(url),
            redis_url=SecretStr(bench.servers.redis_url),
            github_api_url=address,
            github_token=SecretStr(_TOKEN),
        )
        engine = common.db.make_engine(url, process="benchmark")
        clock = Clock(engine)
        clock.set(TODAY)
        simulator.date_clock = lambda: time.time() + clock.offset.total_seconds()
        accounts = simulator.world.accounts
        with engine.begin() as connection:
            for account in accounts:
                users.add(connection, TrackedUser(account.id, account.login, account.login))
        collector = Collector(engine, make_github(settings, client), settings)

        def record() -> Rows:
            with engine.begin() as connection:
                claims = scans.claim(
                    connection,
                    limit=len(_SIZES),
                    lease=settings.lease,
                    load_lease=settings.load_lease,
                    max_attempts=settings.max_attempts,
                    scan_at=settings.scan_at,
                )
            for claim in claims:
                collector.scan(claim.user_id, is_load=claim.is_load)
            today = clock.today()
            with engine.begin() as connection:
                stored = [
                    row
                    for account in accounts
                    for row in rows_of(connection, account.id, today, today)
                ]
            clock.advance(timedelta(days=1))
            columns = ("repo_id", "stargazers", "forks", "watchers")
            return [cast("Row", tuple(row[column] for column in columns)) for row in stored]

        yield record
        engine.dispose()


def _pygithub(address: str, logins: list[str], field: str) -> Rows:
    output = _run(_SCRIPTS / "pygithub_loop.py", address, _TOKEN, field, *logins)
    return [tuple(json.loads(line)) for line in output.splitlines()]


def _tap(bench: Bench, address: str, wanted: dict[str, list[str]]) -> Rows:
    config = bench.directory / "tap.json"
    config.write_text(json.dumps({"api_url_base": address, "auth_token": _TOKEN} | wanted))
    script = _SCRIPTS / "tap.py"
    catalog = json.loads(_run(script, address, "--config", str(config), "--discover"))
    for stream in catalog["streams"]:
        for part in stream["metadata"]:
            chosen = stream["tap_stream_id"] == "repositories"
            part["metadata"]["selected"] = chosen
    chosen_streams = bench.directory / "catalog.json"
    chosen_streams.write_text(json.dumps(catalog))
    output = _run(script, address, "--config", str(config), "--catalog", str(chosen_streams))
    messages: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    return [
        (
            message["record"]["id"],
            message["record"]["stargazers_count"],
            message["record"]["forks_count"],
            message["record"].get("subscribers_count"),
        )
        for message in messages
        if message["type"] == "RECORD"
    ]


def _run(script: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(PYTHON), str(script), *arguments],
        env=os.environ | {"LOGLEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
