"""The compose file and Dockerfiles, without a Docker engine; `.ci/docker` runs them for real."""

import re
from pathlib import Path

import pytest

from common.settings import SECRETS, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILES = [ROOT / "Dockerfile.api", ROOT / "Dockerfile.worker", ROOT / "docker/Dockerfile.demo"]

SET_BY_IMAGES = {"API_HOST", "FLOWER_HOST", "DATA_DIR"}
"""The images set these: a container listens on all its addresses and has one writable place."""

OF_DOCKER = {
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"
}  # fmt: skip
"""Docker's own configuration gives proxies to containers, and an empty value here would take them
away; certificates need a volume, so an override file names both."""


def shared_lines(dockerfile: Path) -> list[str]:
    lines = dockerfile.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("# From here"))
    end = next(n for n, line in enumerate(lines) if line.startswith("# ---"))
    return lines[start:end]


@pytest.mark.parametrize("name", sorted({name.upper() for name in Settings.model_fields}))
def test_every_setting_reaches_the_containers(name: str) -> None:
    if name in OF_DOCKER:
        assert name not in COMPOSE
    elif name in SET_BY_IMAGES:
        assert any(f"{name}=" in dockerfile.read_text() for dockerfile in DOCKERFILES)
    else:
        assert f"${{{name}:-" in COMPOSE or f"\n  {name}: " in COMPOSE


@pytest.mark.parametrize("dockerfile", DOCKERFILES[1:], ids=lambda path: path.name)
def test_images_share_their_first_layers(dockerfile: Path) -> None:
    assert shared_lines(dockerfile) == shared_lines(DOCKERFILES[0])


def test_no_port_is_published_beyond_this_machine_by_default() -> None:
    published = re.findall(r"ports: \[(.*)\]", COMPOSE)
    assert len(published) == 4
    assert all(re.match(r'"\$\{[A-Z]+_BIND:-127\.0\.0\.1\}:', port) for port in published)


def test_no_setting_is_passed_twice() -> None:
    passed = re.findall(r"^  ([A-Z_]+): ", COMPOSE, re.MULTILINE)

    # Compose refuses a file with a key that is there twice.
    assert len(passed) == len(set(passed))


SERVICES = dict(
    re.findall(
        r"^  ([a-z]+):\n((?:    .*\n|\n|  #.*\n)+)",
        COMPOSE.partition("\nservices:\n")[2],
        re.MULTILINE,
    )
)


def test_the_services_are_found() -> None:
    # Guards the tests below.
    assert set(SERVICES) == {
        *("postgres", "redis", "migrate", "api", "worker", "beat", "flower", "simulator", "seeder"),
        *("prometheus", "grafana"),
    }


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_has_a_memory_limit_and_nothing_that_it_does_not_need(service: str) -> None:
    assert re.search(r"^    mem_limit: \S", SERVICES[service], re.MULTILINE)
    assert re.search(r"^    <<: \*(service|own)$", SERVICES[service], re.MULTILINE)
    assert not re.search(r"privileged|cap_add|read_only: false|network_mode", SERVICES[service])


def test_every_service_is_read_only_without_capabilities_and_with_a_bounded_log() -> None:
    common = COMPOSE.partition("x-service:")[2].partition("\nx-")[0]

    assert {
        "read_only: true",
        "cap_drop: [ALL]",
        'security_opt: ["no-new-privileges:true"]',
        "restart: unless-stopped",
        "logging: *logging",
    } <= {line.strip() for line in common.splitlines()}
    assert "max-size: 10m" in COMPOSE


@pytest.mark.parametrize("server", ["postgres", "redis", "prometheus", "grafana"])
def test_servers_are_pinned_to_a_minor_version(server: str) -> None:
    # Prometheus and Grafana have no tag for a minor version, only one for each release.
    assert re.search(
        rf"^    image: (\w+/)?{server}:v?\d+\.\d+(\.\d+)?$", SERVICES[server], re.MULTILINE
    )


@pytest.mark.parametrize("server", ["prometheus", "grafana"])
def test_monitoring_is_a_profile_and_reads_its_files_only(server: str) -> None:
    assert "    profiles: [monitoring]\n" in SERVICES[server]
    files = re.findall(r"(\./monitoring/[^\s:\"]*):[^\s:\"]*(:\w+)?", SERVICES[server])
    assert files
    assert all(mode == ":ro" and (ROOT / path).is_dir() for path, mode in files)


def test_prometheus_scrapes_the_api_alone_and_the_worker_opens_no_port() -> None:
    scraped = (ROOT / "monitoring/prometheus/prometheus.yml").read_text()

    assert re.findall(r"job_name: (\w+)", scraped) == ["api"]
    assert 'targets: ["api:5001"]' in scraped
    assert "ports:" not in SERVICES["worker"]


def test_no_password_is_on_a_command_line() -> None:
    commands = re.findall(r"^    command:(.*(?:\n      .*)*)", COMPOSE, re.MULTILINE)

    assert len(commands) > 3
    # Two dollars are for the shell inside; one would be the value itself.
    assert [found for found in commands if re.search(r"(?<!\$)\$\{", found)] == []


WITH_A_DEFAULT = {"DATABASE_URL", "REDIS_URL", "FLOWER_BASIC_AUTH"}
"""The compose file sets these itself, so a file replaces them only in an override."""


@pytest.mark.parametrize("name", sorted({name.upper() for name in SECRETS}))
def test_every_secret_may_come_from_a_file(name: str) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()

    if name in WITH_A_DEFAULT:
        assert f'{name}: ""' in page
        assert f"{name}_FILE: /run/secrets/" in page
    else:
        assert f"\n  {name}_FILE: ${{{name}_FILE:-}}\n" in COMPOSE


def test_flower_has_a_password_by_default() -> None:
    assert "FLOWER_BASIC_AUTH: ${FLOWER_BASIC_AUTH:-repopulse:repopulse}" in COMPOSE
