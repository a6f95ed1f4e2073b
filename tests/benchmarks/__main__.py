"""``make bench``: measure what the product does most, and write docs/benchmarks.md.

Each module below measures one thing: ``TITLE`` says what, its docstring says how, and ``measure``
returns the figures. With ``--only`` the page is not written::

    python -m tests.benchmarks
    python -m tests.benchmarks --only recording reading
"""

import argparse
import logging
import time

from tests.benchmarks import (
    backfill,
    compare,
    fan_out,
    histories,
    importing,
    large,
    load,
    page,
    peers,
    pictures,
    points,
    pooler,
    reading,
    recording,
    scanning,
    size,
    start,
)
from tests.benchmarks.bench import bench

PARTS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        start,
        recording,
        reading,
        histories,
        large,
        compare,
        load,
        pictures,
        scanning,
        pooler,
        points,
        fan_out,
        backfill,
        importing,
        size,
        peers,
    )
}


def main() -> None:
    """Measure and print; write the page if everything was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=PARTS)
    only = parser.parse_args().only
    # Refusals and waits are part of the measurements.
    logging.disable(logging.WARNING)
    began = time.monotonic()
    sections = []
    with bench() as started:
        for name in only or PARTS:
            part_began = time.monotonic()
            module = PARTS[name]
            print(f"\n{module.TITLE}", flush=True)
            figures = module.measure(started)
            print(page.table(figures))
            print(f"({time.monotonic() - part_began:.0f} s)", flush=True)
            sections.append((module.TITLE, module.__doc__ or "", figures))
        seconds = time.monotonic() - began
        print(f"\n{seconds:.0f} s in total")
        if only is None:
            page.write(sections, started.servers, seconds)


if __name__ == "__main__":
    main()
