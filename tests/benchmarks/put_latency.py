"""How long ``PUT /v1/users`` by id takes while Redis runs, refuses, hangs or is unreachable.

A real API with a proxy in front of Redis, and clients that send one request after the other::

    python -m tests.benchmarks.put_latency --clients 8 --requests 200
"""

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx

from simulator import World
from tests.faults.cluster import Cluster, cluster
from tests.faults.redis_outage import RedisOutage, take_redis_away


def measure(made: Cluster, ids: Iterator[int], *, clients: int, requests: int) -> list[float]:
    """Follow new users; return how many seconds each answer took, ascending."""

    def work(_client: int) -> list[float]:
        taken = []
        with httpx.Client(base_url=made.system.address, timeout=60) as client:
            for number in itertools.islice(ids, requests):
                begun = time.monotonic()
                answer = client.put("/v1/users", json={"id": number, "login": f"user-{number}"})
                taken.append(time.monotonic() - begun)
                assert answer.status_code == 201, answer.text
        return taken

    with ThreadPoolExecutor(clients) as pool:
        return sorted(itertools.chain.from_iterable(pool.map(work, range(clients))))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=200, help="of each client")
    options = parser.parse_args()
    ids = itertools.count(1)
    print(f"{options.clients} clients, {options.requests} requests each; milliseconds")
    print(f"{'redis':<10}{'p50':>8}{'p99':>8}{'max':>8}{'load':>8}")
    with tempfile.TemporaryDirectory() as directory, cluster(Path(directory), World()) as made:
        made.start("api")
        for how in (None, *RedisOutage):
            with ExitStack() as outage:
                if how is not None:
                    take_redis_away(made, how, outage)
                taken = measure(made, ids, clients=options.clients, requests=options.requests)
            shown = [taken[int((len(taken) - 1) * part)] * 1000 for part in (0.5, 0.99, 1)]
            columns = "".join(f"{each:>8.0f}" for each in shown)
            print(f"{how or 'up':<10}{columns}{os.getloadavg()[0]:>8.1f}", flush=True)
            made.system.wait_until_ready()


if __name__ == "__main__":
    main()
