import os
import platform
import subprocess
import sys

import pytest

from local import platforms
from tests.servers import ROOT


def be(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str | None) -> None:
    def confstr(name: str) -> str | None:
        if libc is None:
            raise ValueError(f"unrecognized configuration name: {name}")
        return libc

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(os, "confstr", confstr)


@pytest.mark.parametrize(
    ("system", "machine", "libc"),
    [
        ("linux", "x86_64", "glibc 2.36"),
        ("linux", "aarch64", "glibc 2.28"),
        ("darwin", "arm64", None),
        ("darwin", "x86_64", None),
    ],
)
def test_wheels_exist_for_two_systems_on_two_architectures(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str | None
) -> None:
    be(monkeypatch, system, machine, libc)

    assert platforms.missing() is None


@pytest.mark.parametrize(
    ("system", "machine", "libc", "reason"),
    [
        ("linux", "x86_64", None, "musl"),
        ("linux", "x86_64", "glibc 2.17", "glibc 2.17"),
        ("linux", "armv7l", "glibc 2.36", "armv7l"),
        ("linux", "riscv64", "glibc 2.39", "riscv64"),
        ("win32", "AMD64", None, platform.system()),
    ],
)
def test_another_platform_is_named(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str | None, reason: str
) -> None:
    be(monkeypatch, system, machine, libc)

    assert reason in (platforms.missing() or "")


def test_check_says_one_line_before_anything_is_installed() -> None:
    # Without site-packages, as in an environment that was just made.
    as_on_musl = (
        "import os, runpy\n"
        "def confstr(name): raise ValueError\n"
        "os.confstr = confstr\n"
        "runpy.run_module('local.platforms', run_name='__main__')"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", as_on_musl],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "use Docker" in done.stderr


def test_make_checks_before_it_installs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipes = [
        recipe
        for recipe in makefile.split("\n\n")
        if "@$(INSTALL) $(RUN)" in recipe and recipe.startswith("$(VENV)")
    ]

    assert len(recipes) == 2
    assert all(recipe.index("local.platforms") < recipe.index("$(INSTALL)") for recipe in recipes)
