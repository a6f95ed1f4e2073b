"""What can be told without an engine: `.ci/docker` runs the files for real."""

import re
from pathlib import Path

import pytest

from common.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILES = [ROOT / "Dockerfile.api", ROOT / "Dockerfile.worker", ROOT / "docker/Dockerfile.demo"]

OF_THE_IMAGES = {"API_HOST", "FLOWER_HOST", "DATA_DIR"}
"""A container listens on all its addresses and has one place to write: no choice of the user's."""


def shared_lines(dockerfile: Path) -> list[str]:
    lines = dockerfile.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("# From here"))
    end = next(n for n, line in enumerate(lines) if line.startswith("# ---"))
    return lines[start:end]


@pytest.mark.parametrize("name", sorted({name.upper() for name in Settings.model_fields}))
def test_every_setting_reaches_the_containers(name: str) -> None:
    if name in OF_THE_IMAGES:
        assert any(f"{name}=" in dockerfile.read_text() for dockerfile in DOCKERFILES)
    else:
        assert f"${{{name}:-" in COMPOSE or f"\n  {name}: " in COMPOSE


@pytest.mark.parametrize("dockerfile", DOCKERFILES[1:], ids=lambda path: path.name)
def test_images_share_their_first_layers(dockerfile: Path) -> None:
    assert shared_lines(dockerfile) == shared_lines(DOCKERFILES[0])


def test_no_port_is_published_beyond_this_machine_by_default() -> None:
    published = re.findall(r"ports: \[(.*)\]", COMPOSE)
    assert len(published) == 2
    assert all(re.match(r'"\$\{[A-Z]+_BIND:-127\.0\.0\.1\}:', port) for port in published)


def test_no_setting_is_passed_twice() -> None:
    passed = re.findall(r"^  ([A-Z_]+): ", COMPOSE, re.MULTILINE)

    # Compose refuses a file with a key that is there twice.
    assert len(passed) == len(set(passed))
