"""The simulator as a program: `python -m simulator --help`."""

import argparse
import signal
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from graphql import GraphQLError

from simulator.asgi import listen, make_server
from simulator.edition import GITHUB_COM, enterprise_server
from simulator.limits import Limits
from simulator.recorded import RecordedDataError
from simulator.server import GitHubSimulator
from simulator.world import World

LIMITS = {
    "full": Limits,
    "tenth": Limits.tenth,
    "hundredth": Limits.hundredth,
    "none": Limits.unlimited,
}


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; the result is the exit status."""
    options = _parser().parse_args(arguments)
    try:
        simulator = _simulator(options)
    except RecordedDataError as error:
        return _refuse(str(error))
    except (OSError, EOFError, UnicodeDecodeError, GraphQLError) as error:
        return _refuse(f"cannot use {options.schema}: {error}")
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        return _refuse(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    port = listener.getsockname()[1]
    if options.port_file:
        # Moved into place when it is whole, so that a reader never sees half of it.
        aside = options.port_file.with_suffix(".part")
        try:
            aside.write_text(f"{port}\n")
            aside.replace(options.port_file)
        except OSError as error:
            return _refuse(f"cannot write {options.port_file}: {error.strerror}")
    world = simulator.world
    print(
        f"GitHub simulator on http://{options.host}:{port}{simulator.edition.rest_path}:"
        f" {len(world.accounts)} accounts,"
        f" {len(world.truth())} public repositories on {world.day}",
        flush=True,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        make_server(simulator, options.host, port).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A simulated GitHub API, controlled by the routes under /_simulator/.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=5002, help="0 for any free one")
    parser.add_argument("--port-file", type=Path, help="file to write the port to once it is open")
    parser.add_argument("--data", type=Path, help="recorded counters, CSV, plain or gzipped")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--accounts", type=int, help="number of accounts (12; with --data: all)")
    parser.add_argument("--day", type=_day, help="the simulated day (today, UTC)")
    parser.add_argument(
        "--limits", choices=LIMITS, default="full", help="as a fraction of GitHub's"
    )
    parser.add_argument("--token", action="append", help="accept only this token (repeatable)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each answer takes")
    parser.add_argument(
        "--grace",
        type=float,
        default=0.0,
        help="seconds after a stated wait in which a request is no violation",
    )
    parser.add_argument(
        "--enterprise-server", action="store_true", help="be an Enterprise Server, at /api/v3"
    )
    parser.add_argument("--schema", type=Path, help="GitHub's whole GraphQL schema")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-11-23") from None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _simulator(options: argparse.Namespace) -> GitHubSimulator:
    if options.data:
        world = World.recorded(options.data, day=options.day, accounts=options.accounts)
    else:
        accounts = 12 if options.accounts is None else options.accounts
        world = World.synthetic(options.seed, accounts, day=options.day)
        # The time of the answers' Date header: by it the days of star histories end.
        world.set_time(datetime.now(UTC).time())
    tokens = dict.fromkeys(options.token, world.viewer) if options.token else None
    return GitHubSimulator(
        world,
        tokens=tokens,
        limits=replace(LIMITS[options.limits](), grace=options.grace),
        schema=options.schema,
        latency=options.latency,
        edition=enterprise_server() if options.enterprise_server else GITHUB_COM,
    )


def _refuse(message: str) -> int:
    print(f"simulator: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
