import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from local.ports import free_port
from tests.local.processes import command_of, eventually, name_of, processes_of
from tests.servers import ROOT

SERVERS = {"Postgres": "postgres", "Valkey": "valkey-server"}


class Run:
    """A runner with stand-ins, in a process of its own."""

    def __init__(self, data_dir: Path, port: int, *extra: str) -> None:
        self.data_dir = data_dir
        self.output = data_dir.with_name(f"output {time.monotonic_ns()}")
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.local.stand_in", data_dir, str(port), *extra],
                cwd=ROOT,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def said(self, beginning: str) -> bool:
        return any(line.startswith(beginning) for line in self.lines)

    def wait_until_ready(self) -> None:
        assert eventually(
            lambda: self.said("Ready.") and self.said("worker  | grandchild"),
            limit=60,
        ), self.lines

    def child(self, what: str) -> psutil.Process:
        return next(p for p in processes_of(self.data_dir) if command_of(p)[-2:-1] == [what])

    def has_child(self, what: str) -> bool:
        return any(command_of(p)[-2:-1] == [what] for p in processes_of(self.data_dir))

    def server(self, binary: str) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if name_of(child) == binary)

    def has_server(self, binary: str) -> bool:
        children = psutil.Process(self.process.pid).children()
        return any(name_of(child) == binary for child in children)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(15)


def make_impossible(directory: Path) -> Callable[[], None]:
    """Put a file in the place of a server's directory; return how to put it back."""
    away = directory.with_name("away")
    directory.rename(away)
    directory.touch()

    def repair() -> None:
        directory.unlink()
        away.rename(directory)

    return repair


@contextmanager
def deaf_leftover(directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run what looks like a Valkey on the directory and ignores the request to end."""
    disguise = directory.with_name("valkey-server")
    disguise.symlink_to(sys.executable)
    program = (
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: pathlib.Path('../asked').touch())\n"
        "pathlib.Path('../deaf').touch()\n"
        "while True: time.sleep(600)"
    )
    with subprocess.Popen([disguise, "-I", "-S", "-c", program], cwd=directory) as leftover:
        try:
            assert eventually(directory.with_name("deaf").exists)
            yield leftover
        finally:
            leftover.kill()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start() -> Iterator[Callable[..., Run]]:
    with ExitStack() as runs:

        def start(data_dir: Path, port: int, *extra: str) -> Run:
            run = Run(data_dir, port, *extra)
            runs.callback(run.end)
            return run

        yield start


@pytest.fixture
def run(start: Callable[..., Run], data_dir: Path, port: int) -> Run:
    run = start(data_dir, port)
    run.wait_until_ready()
    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything(run: Run, number: signal.Signals) -> None:
    started = processes_of(run.data_dir)

    run.process.send_signal(number)

    assert run.process.wait(10) == 0
    assert eventually(lambda: not processes_of(run.data_dir), 1)
    assert len(started) > 8
    assert run.lines[-2:] == ["Stopping ...", f"Stopped. The data stays in {run.data_dir}."]


def test_kill_9_of_the_runner_leaves_no_process(run: Run) -> None:
    run.process.kill()
    run.process.wait()

    assert eventually(lambda: not processes_of(run.data_dir), 8)


def test_second_start_reports_already_running(start: Callable[..., Run], run: Run) -> None:
    second = start(run.data_dir, free_port())

    assert second.process.wait(10) == 1
    (line,) = second.lines
    assert line.startswith(
        f"repopulse: already running on {run.data_dir} (process {run.process.pid}): stop that one"
    )
    assert run.process.poll() is None


def test_start_right_after_kill_9_waits_for_the_guard(
    start: Callable[..., Run], run: Run, port: int
) -> None:
    run.process.kill()
    run.process.wait()

    successor = start(run.data_dir, port)
    successor.wait_until_ready()


def test_taken_port_names_the_setting_to_change(
    start: Callable[..., Run], data_dir: Path, port: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        run = start(data_dir, port)

        assert run.process.wait(10) == 1
    (line,) = run.lines
    assert line.startswith(f"repopulse: port {port} is taken by another program: stop that, ")
    assert line.endswith("or set API_PORT to another port")


def test_output_of_a_child_carries_its_name(run: Run) -> None:
    assert "migrate | migrated" in run.lines
    assert "api     | an API in two" in run.lines
    assert "api     | lines" in run.lines


def test_dead_program_is_restarted_and_its_children_are_killed(run: Run) -> None:
    worker = run.child("worker")
    grandchild = worker.children()[0]

    worker.kill()

    assert eventually(lambda: run.said("worker ended with status -9; starting it again in 1 s."))
    assert eventually(lambda: not grandchild.is_running())
    assert eventually(lambda: sum(line.startswith("worker  | g") for line in run.lines) == 2)


def test_ctrl_c_during_initdb_leaves_no_process(
    start: Callable[..., Run], tmp_path: Path, port: int
) -> None:
    run = start(tmp_path / "my data", port)
    assert eventually((tmp_path / "my data" / "postgres.new").exists)

    run.process.send_signal(signal.SIGINT)

    assert run.process.wait(10) == 0
    assert run.lines[-2] == "Stopping ..."
    assert eventually(lambda: not processes_of(tmp_path / "my data"), 1)
    start(tmp_path / "my data", port).wait_until_ready()


def test_server_that_cannot_start_is_one_line(
    start: Callable[..., Run], data_dir: Path, port: int
) -> None:
    (data_dir / "valkey").touch()
    run = start(data_dir, port)

    assert run.process.wait(15) == 1
    assert run.lines[-1] == f"repopulse: {data_dir / 'valkey'}: File exists"
    assert eventually(lambda: not processes_of(data_dir), 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is full")
def test_full_disk_under_the_output_stops_nothing(data_dir: Path, port: int) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(
            [sys.executable, "-m", "tests.local.stand_in", data_dir, str(port)],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        assert eventually((data_dir / "worker-runs").exists, 20)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 0
    assert eventually(lambda: not processes_of(data_dir), 1)


@pytest.mark.parametrize(("name", "binary"), SERVERS.items())
def test_dead_server_is_restarted(run: Run, name: str, binary: str) -> None:
    run.server(binary).kill()

    assert eventually(lambda: run.said(f"{name} ended with status -9; starting it again in 1 s."))
    assert eventually(lambda: run.has_server(binary))


def test_postgres_is_restarted_beside_frozen_children_of_the_dead_one(run: Run) -> None:
    postmaster = run.server("postgres")
    for child in postmaster.children():
        child.suspend()
    postmaster.kill()

    pid_file = run.data_dir / "postgres" / "postmaster.pid"

    def is_ready() -> bool:
        lines = pid_file.read_text().split() if pid_file.exists() else []
        return lines[:1] != [str(postmaster.pid)] and lines[-1:] == ["ready"]

    assert eventually(is_ready, 20), run.lines


def test_server_that_cannot_restart_says_why(run: Run) -> None:
    (manifest,) = (run.data_dir / "valkey" / "appendonlydir").glob("*.manifest")
    manifest.write_text("broken\n")
    run.server("valkey-server").kill()

    assert eventually(lambda: run.said("Valkey ended with status 1: "), 20), run.lines
    (line,) = [line for line in run.lines if line.startswith("Valkey ended with status 1: ")][:1]
    assert "AOF manifest" in line
    assert "valkey.log)" in line


def test_second_ctrl_c_kills_at_once(start: Callable[..., Run], data_dir: Path, port: int) -> None:
    run = start(data_dir, port, "--with", "stubborn")
    run.wait_until_ready()
    assert eventually(lambda: run.said("stubborn| deaf"))

    run.process.send_signal(signal.SIGINT)
    assert eventually(lambda: run.said("Stopping"))
    run.process.send_signal(signal.SIGINT)

    assert run.process.wait(3) == 0
    assert eventually(lambda: not processes_of(data_dir), 1)


@pytest.mark.fault
def test_program_that_ignores_sigterm_is_killed_within_ten_seconds(
    start: Callable[..., Run], data_dir: Path, port: int
) -> None:
    run = start(data_dir, port, "--with", "stubborn")
    run.wait_until_ready()
    assert eventually(lambda: run.said("stubborn| deaf"))

    run.process.send_signal(signal.SIGINT)

    assert run.process.wait(10) == 0
    assert eventually(lambda: not processes_of(data_dir), 1)


def test_closed_output_stops_everything(data_dir: Path, port: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.local.stand_in", data_dir, str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()

        assert process.wait(10) == 0
    assert eventually(lambda: not processes_of(data_dir), 1)


def test_program_that_keeps_dying_ends_the_start(
    start: Callable[..., Run], data_dir: Path, port: int
) -> None:
    run = start(data_dir, port, "--api", "nonsense")

    assert run.process.wait(15) == 1
    assert run.lines[-1] == "repopulse: api cannot start: the lines above say why"
    assert eventually(lambda: not processes_of(data_dir), 1)


def test_data_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    data_dir = tmp_path / "file" / "data"

    answer = subprocess.run(
        [sys.executable, "-m", "tests.local.stand_in", data_dir, str(free_port())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 1
    assert answer.stderr.startswith(f"repopulse: {data_dir} cannot be written to (")
    assert answer.stderr.count("\n") == 1
