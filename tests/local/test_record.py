import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.record import ProcessRecord


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command, start_new_session=True) as sleeping:
        yield sleeping
        sleeping.kill()


def sweep(directory: Path) -> int:
    steps = ProcessRecord(directory).sweep()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return int(end.value)


def test_a_process_that_an_earlier_run_left_is_stopped(
    tmp_path: Path, process: "subprocess.Popen[bytes]"
) -> None:
    ProcessRecord(tmp_path).add(process.pid)

    assert sweep(tmp_path) == 1
    assert process.wait(5) is not None
    assert json.loads((tmp_path / "processes.json").read_text()) == {}


def test_a_process_that_was_given_a_recorded_id_later_is_left_alone(
    tmp_path: Path, process: "subprocess.Popen[bytes]"
) -> None:
    ProcessRecord(tmp_path).add(process.pid)
    file = tmp_path / "processes.json"
    births = json.loads(file.read_text())
    file.write_text(json.dumps({number: birth + "1" for number, birth in births.items()}))

    assert sweep(tmp_path) == 0
    assert process.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system keeps the date of birth")
def test_a_birth_is_not_told_by_the_clock(
    tmp_path: Path, process: "subprocess.Popen[bytes]"
) -> None:
    ProcessRecord(tmp_path).add(process.pid)

    boot, ticks = json.loads((tmp_path / "processes.json").read_text())[str(process.pid)].split()
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert ticks in Path(f"/proc/{process.pid}/stat").read_text().split()


def test_what_cannot_be_written_now_is_written_later(
    tmp_path: Path, process: "subprocess.Popen[bytes]"
) -> None:
    directory = tmp_path / "data"
    record = ProcessRecord(directory)

    record.add(process.pid)
    assert not directory.exists()
    directory.mkdir()
    record.save()

    assert str(process.pid) in json.loads((directory / "processes.json").read_text())
    shutil.rmtree(directory)
    record.remove(process.pid)
