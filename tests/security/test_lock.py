"""The locks: every package has a hash, and no package index is named."""

import re
from pathlib import Path

import pytest

from tests.servers import ROOT

LOCKS = sorted([ROOT / "requirements.txt", *ROOT.glob("requirements/*.txt")])
INSTALLERS = [ROOT / "Dockerfile.api", ROOT / "Dockerfile.worker", ROOT / "docker/Dockerfile.demo"]

PIN = re.compile(r"^[a-z0-9-]+==[^ ;]+(?: ; [^\\]+)?(?: --hash=sha256:[0-9a-f]{64})+$")


def requirements(lock: Path) -> list[str]:
    """Return the requirements of a file, one a line, without comments."""
    lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
    return re.sub(r" \\\n +", " ", "\n".join(lines)).splitlines()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_pinned_by_version_and_hash_and_no_index_is_named(lock: Path) -> None:
    pins = requirements(lock)

    assert pins
    assert [pin for pin in pins if not PIN.fullmatch(pin)] == []


def test_a_package_has_one_version_in_all_files_that_are_installed_together() -> None:
    together = [lock for lock in LOCKS if lock.stem != "bench"]
    pins = {pin.partition(" --hash")[0] for lock in together for pin in requirements(lock)}
    versions: dict[str, set[str]] = {}
    for pin in pins:
        name, _, version = pin.partition(" ")[0].partition("==")
        versions.setdefault(name, set()).add(version)
    doubled = {name for name, found in versions.items() if len(found) > 1}

    # Another version is for a platform that the newest has no wheel for.
    assert doubled <= {"cryptography"}
    assert all(" ; platform_machine " in pin for pin in pins if pin.partition("==")[0] in doubled)


def test_every_list_of_requirements_has_a_lock() -> None:
    wanted = {path.stem for path in ROOT.glob("requirements/*.in")} - {"runtime"}

    assert {path.stem for path in ROOT.glob("requirements/*.txt")} == wanted


@pytest.mark.parametrize("file", INSTALLERS, ids=lambda file: file.name)
def test_every_image_checks_the_hashes_of_what_it_installs(file: Path) -> None:
    commands = re.sub(r"\\\n\s*", " ", file.read_text()).splitlines()
    installs = [command for command in commands if "pip install" in command]

    assert installs
    assert all("--require-hashes" in command for command in installs)


def test_make_installs_nothing_without_its_hash() -> None:
    commands = re.sub(r"\\\n\s*", " ", (ROOT / "Makefile").read_text()).replace(";", "\n")
    installs = [line for line in commands.splitlines() if " pip install " in line]

    assert len(installs) == 4
    assert all("--require-hashes" in install for install in installs)
