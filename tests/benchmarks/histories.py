"""`GET /v1/repos/{id}/history` of almost ten years: GitHub's history has the first half, and rows
the other, with a gap a year; `/flow` of the same; and `GET /v1/users/{id}/history` of 100 such
repositories, each with stars on every second day. All from a real API process, one client. *Cold*
is an answer that was not sent before; *kept* is the same request again, and *unchanged* the same
with the `ETag`, which is answered by 304. They are compared with the same server that sends the
same bytes from memory.
"""

import itertools
import statistics
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Engine, text

from common.db import make_engine
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.benchmarks.reading import Request, ask, fetch
from tests.benchmarks.reference_servers import reference_server
from tests.benchmarks.replay import fill
from tests.end_to_end.system import running

TITLE = "Histories with sources"

REPOSITORIES = 100
UNTIL = date(2026, 11, 24)
DAYS = 3600
"""Of the ten years that a request may be of, 60 days are left to ask for more."""
FIRST = UNTIL - timedelta(days=DAYS - 1)
ROUNDS = 3

_MEMORY_PATH = "/v1/users/1/stats"

_DAYS_OBSERVED = DAYS // 2


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of histories."""
    with bench.databases.fresh() as url:
        engine = make_engine(url, process="benchmark")
        (user,) = fill(engine, users=1, each=REPOSITORIES, days=_DAYS_OBSERVED, until=UNTIL)
        repo_id = _add_past(engine)
        engine.dispose()
        system = bench.api(url, "histories")
        with running(system, "api"):
            port = int(system.environment["API_PORT"])
            return [
                figure
                for path, what, requests in (
                    (f"repos/{repo_id}/history", "a repository", 12),
                    (f"repos/{repo_id}/flow", "gained and lost, by day", 12),
                    (f"users/{user.id}/history", f"totals of {REPOSITORIES} repositories", 4),
                )
                for figure in _compare(bench, port, f"/v1/{path}", what, requests)
            ]


def _add_past(engine: Engine) -> int:
    """Add GitHub's histories and gaps; return a repository."""
    with engine.begin() as connection:
        connection.execute(
            text("DELETE FROM daily_stats WHERE extract(doy FROM date) BETWEEN 90 AND 93")
        )
        connection.execute(
            text(
                """
                INSERT INTO backfills (repo_id, state, read_through, read_at)
                SELECT id, 'done', :until, repopulse_now() FROM repositories
                """
            ),
            {"until": UNTIL},
        )
        connection.execute(
            text(
                """
                INSERT INTO star_gains (repo_id, day, gained_first, gained_last, read_at)
                SELECT id, day, 1, 1, repopulse_now()
                FROM repositories, generate_series(
                    CAST(:first AS date), CAST(:until AS date), interval '2 days'
                ) AS day
                """
            ),
            {"first": FIRST, "until": UNTIL},
        )
        repo_id: int = connection.execute(text("SELECT min(id) FROM repositories")).scalar_one()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return repo_id


def _compare(bench: Bench, port: int, path: str, what: str, requests: int) -> list[Figure]:
    """Measure one call in turns with the same bytes from memory."""
    path += f"?date_to={UNTIL}&date_from="
    body, etag = fetch(port, f"{path}{FIRST}")
    file = bench.directory / "history.json"
    file.write_bytes(body)
    # Of days before the first nothing is known: a history has no rows of them, a flow empty ones.
    row_size = len(fetch(port, f"{path}{FIRST - timedelta(days=1)}")[0]) - len(body)
    earlier = itertools.count(2)

    def cold() -> Request:
        days = next(earlier)
        before = FIRST - timedelta(days=days)
        return Request(port, f"{path}{before}", 200, len(body) + days * row_size)

    with reference_server("memory", str(file)) as memory_port:
        assert fetch(memory_port, _MEMORY_PATH)[0] == body
        kept = Request(port, f"{path}{FIRST}", 200, len(body))
        kinds: dict[str, Callable[[], Request]] = {
            "memory": lambda: replace(kept, port=memory_port, path=_MEMORY_PATH),
            "cold": cold,
            "kept": lambda: kept,
            "unchanged": lambda: replace(
                kept, status=304, size=0, headers=(("If-None-Match", etag),)
            ),
        }
        taken: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind, make in kinds.items():
                if kind == "kept":
                    fetch(port, kept.path)
                taken[kind] += ask(make, 1, requests)
    median = {kind: statistics.median(times) for kind, times in taken.items()}
    return [
        Figure(
            f"{what}, {len(body) / 1e6:.1f} MB, {kind}",
            f"{median[kind] * 1000:.1f} ms",
            f"from memory {median['memory'] * 1000:.1f} ms",
            f"{median[kind] / median['memory']:.1f}",
        )
        for kind in ("cold", "kept", "unchanged")
    ]
