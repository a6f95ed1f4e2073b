"""`GET /v1/users/{id}/stats` of 100 repositories and a year, 36,500 rows, from a real API process;
nine other users have as many rows in the same tables. One client, or 16 at once, on connections
that stay open; the kinds of requests take turns, and the answers are checked.

*Cold* is an answer that was not sent before: its rows are read and serialized. *Asked again,
unchanged* is the same request with the `ETag` of the answer, which is answered by 304; *kept* is
the same request without it. *Gzipped* is cold with `Accept-Encoding: gzip`. They are compared with
the same server, uvicorn with FastAPI and our middleware, that sends the same bytes from memory;
the time of uvicorn alone is shown too. *The usual way* is FastAPI with ORM objects and a response
model, on the same query.
"""

import gzip
import http.client
import itertools
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta

from common.db import make_engine
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, percentile
from tests.benchmarks.reference_servers import reference_server
from tests.benchmarks.replay import fill
from tests.end_to_end.system import running

TITLE = "Reading"

REPOSITORIES = 100
DAYS = 365
CLIENTS = (1, 16)
ROUNDS = 3

_REQUESTS = {1: 40, 16: 6}
"""Of each client in each round."""

_GZIP = (("Accept-Encoding", "gzip"),)

_SLOW_REQUESTS = {1: 6, 16: 2}
"""Of each client, the usual way: it takes a second."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and what is to come."""

    port: int
    path: str
    status: int
    size: int
    headers: tuple[tuple[str, str], ...] = ()


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of reading."""
    until = date(2026, 11, 24)
    with bench.databases.fresh() as url:
        engine = make_engine(url, process="benchmark")
        users = fill(engine, users=10, each=REPOSITORIES, days=DAYS, until=until)
        engine.dispose()
        system = bench.api(url, "reading")
        path = f"/v1/users/{users[3].id}/stats?date_to={until}&date_from="
        first = until - timedelta(days=DAYS - 1)
        with running(system, "api"):
            return _compare(bench, url, int(system.environment["API_PORT"]), path, first)


def _compare(bench: Bench, url: str, port: int, path: str, first: date) -> list[Figure]:
    body, etag = fetch(port, f"{path}{first}")
    file = bench.directory / "body.json"
    file.write_bytes(body)
    # A day before the first row asks for the same rows in other words: nothing of it is kept.
    earlier = (first - timedelta(days=ago) for ago in itertools.count(1))
    with (
        reference_server("memory", str(file)) as memory_port,
        reference_server("bare", str(file)) as alone_port,
        reference_server("orm", url) as usual_port,
    ):
        for other in (memory_port, alone_port):
            assert fetch(other, f"{path}{first}")[0] == body
        usual_body, _ = fetch(usual_port, f"{path}{first}")
        assert json.loads(usual_body) == json.loads(body)
        assert len(json.loads(body)["stats"]) == REPOSITORIES * DAYS
        assert fetch(port, f"{path}{next(earlier)}")[0] == body
        gzipped, _ = fetch(port, f"{path}{next(earlier)}", dict(_GZIP))
        assert gzip.decompress(gzipped) == body
        same = Request(port, f"{path}{first}", 200, len(body))
        kinds: dict[str, Callable[[], Request]] = {
            "bare": lambda: replace(same, port=alone_port),
            "memory": lambda: replace(same, port=memory_port),
            "cold": lambda: Request(port, f"{path}{next(earlier)}", 200, len(body)),
            "gzipped": lambda: Request(
                port, f"{path}{next(earlier)}", 200, len(gzipped), headers=_GZIP
            ),
            "unchanged": lambda: Request(
                port, same.path, 304, 0, headers=(("If-None-Match", etag),)
            ),
            "kept": lambda: same,
        }
        slow = Request(usual_port, same.path, 200, len(usual_body))
        figures: list[Figure] = []
        for clients in CLIENTS:
            taken: dict[str, list[float]] = defaultdict(list)
            for _ in range(ROUNDS):
                for kind, make in kinds.items():
                    if kind == "kept":
                        fetch(port, same.path)
                    taken[kind] += ask(make, clients, _REQUESTS[clients])
            taken["orm"] = ask(lambda: slow, clients, _SLOW_REQUESTS[clients])
            figures += _figures(taken, clients)
    return figures


def _figures(taken: dict[str, list[float]], clients: int) -> Iterator[Figure]:
    asked = "1 client" if clients == 1 else f"{clients} clients"

    def shown(kind: str, part: float = 0.5) -> str:
        return f"{percentile(taken[kind], part) * 1000:.1f} ms"

    for part, name in ((0.5, "median"), (0.99, "99th percentile")):
        for kind, what, times in (
            ("cold", "cold", 12),
            ("unchanged", "asked again, unchanged (304)", 2),
        ):
            yield Figure.within(
                f"{what}, {asked}, {name}",
                shown(kind, part),
                f"from memory {shown('memory', part)}",
                ratio=percentile(taken[kind], part) / percentile(taken["memory"], part),
                times=times,
            )
    for kind, what, limit, name in (
        ("kept", "asked again, kept", "memory", "from memory"),
        ("gzipped", "cold, gzipped", "cold", "as it is"),
        ("memory", "from memory", "bare", "uvicorn alone"),
    ):
        ratio = statistics.median(taken[kind]) / statistics.median(taken[limit])
        yield Figure(
            f"{what}, {asked}, median", shown(kind), f"{name} {shown(limit)}", f"{ratio:.2f}"
        )
    yield Figure.ahead(
        f"cold, {asked}, median",
        shown("cold"),
        f"the usual way {shown('orm')}",
        ratio=statistics.median(taken["orm"]) / statistics.median(taken["cold"]),
        times=15,
    )


def fetch(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[bytes, str]:
    """Return an answer's body and its ETag."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    connection.close()
    return body, answer.headers.get("ETag", "")


def ask(make: Callable[[], Request], clients: int, requests: int) -> list[float]:
    """Send requests one after the other with each of some clients; return how long each took."""
    planned = [[make() for _ in range(requests)] for _ in range(clients)]

    def work(requests: list[Request]) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", requests[0].port, timeout=120)
        connection.connect()
        taken = []
        for request in requests:
            begun = time.perf_counter()
            connection.request("GET", request.path, headers=dict(request.headers))
            answer = connection.getresponse()
            size = len(answer.read())
            taken.append(time.perf_counter() - begun)
            assert (answer.status, size) == (request.status, request.size)
        connection.close()
        return taken

    with ThreadPoolExecutor(clients) as pool:
        return list(itertools.chain.from_iterable(pool.map(work, planned)))
