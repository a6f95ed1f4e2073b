"""The compose files and Dockerfiles, without a Docker engine; `.ci/docker` runs them for real."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from common.settings import SECRETS, Settings

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "docker-compose.yml"
SERVERS = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
"""The bundled servers, each in a file of its own, and the setting that replaces them."""
FILES = [MAIN, *(ROOT / f"docker/{server}.yml" for server in SERVERS)]
COMPOSE = "\n".join(path.read_text() for path in FILES)
DOCKERFILES = [ROOT / "Dockerfile.api", ROOT / "Dockerfile.worker", ROOT / "docker/Dockerfile.demo"]
PAGE = (ROOT / "docs" / "configuration.md").read_text()

SET_BY_IMAGES = {"API_HOST", "FLOWER_HOST", "DATA_DIR"}
"""The images set these: a container listens on all its addresses and has one writable place."""

PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
"""Docker's own configuration gives proxies to containers, and an empty value would take them
away."""

NOT_PASSED = {"DATA_DIR", "SSL_CERT_DIR"}

LOADED: dict[str, Any] = yaml.safe_load(MAIN.read_text())
SERVICES: dict[str, Any] = {
    name: service
    for path in FILES
    for name, service in yaml.safe_load(path.read_text())["services"].items()
}


def shared_lines(dockerfile: Path) -> list[str]:
    lines = dockerfile.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("# From here"))
    end = next(n for n, line in enumerate(lines) if line.startswith("# ---"))
    return lines[start:end]


@pytest.mark.parametrize("name", sorted({name.upper() for name in Settings.model_fields}))
def test_every_setting_reaches_the_containers(name: str) -> None:
    if name in PROXIES:
        assert name not in LOADED["x-settings"]
    elif name in SET_BY_IMAGES:
        assert any(f"{name}=" in dockerfile.read_text() for dockerfile in DOCKERFILES)
    elif name not in NOT_PASSED:
        assert f"${{{name}:" in COMPOSE


def test_settings_that_do_not_reach_the_containers_are_documented() -> None:
    sentence = PAGE.partition("## With Docker")[2].partition("tested with")[0]

    assert set(re.findall(r"`([A-Z_]+)`", sentence)) == NOT_PASSED


def test_worker_gets_proxies_by_name_alone() -> None:
    lines = (ROOT / SERVICES["worker"]["env_file"]).read_text().splitlines()
    names = [line for line in lines if not line.startswith("#")]

    assert set(names) == PROXIES | {name.lower() for name in PROXIES}


@pytest.mark.parametrize(("server", "setting"), SERVERS.items())
def test_bundled_server_starts_unless_another_is_set(server: str, setting: str) -> None:
    instead = yaml.safe_load((ROOT / f"docker/no-{server}.yml").read_text())["services"]

    assert f"docker/${{{setting}:+no-}}{server}.yml" in LOADED["include"]
    assert instead[server]["profiles"] == ["never"]
    assert instead[server]["image"] == SERVICES[server]["image"]
    for service in SERVICES.values():
        assert service.get("depends_on", {}).get(server, {"required": False})["required"] is False


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_images_run_under_a_numeric_user_on_any_architecture(dockerfile: Path) -> None:
    text = dockerfile.read_text()

    # Kubernetes' runAsNonRoot refuses a name.
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]
    assert not re.search(r"--platform|amd64|arm64|x86_64|aarch64", text)


@pytest.mark.parametrize("dockerfile", DOCKERFILES[1:], ids=lambda path: path.name)
def test_images_share_their_first_layers(dockerfile: Path) -> None:
    assert shared_lines(dockerfile) == shared_lines(DOCKERFILES[0])


def test_no_port_is_published_beyond_this_machine_by_default() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(published) == 4
    # The long form would publish on all addresses where a name is given, such as "localhost".
    assert all(
        re.match(r"\$\{[A-Z]+_BIND:-(\$\{[A-Z]+_HOST:-)?127\.0\.0\.1\}{1,2}:\$\{", port)
        for port in published
    )


def test_no_setting_is_passed_twice() -> None:
    passed = re.findall(r"^  ([A-Z_]+): ", MAIN.read_text(), re.MULTILINE)

    # Compose refuses a file with a key that is there twice.
    assert len(passed) == len(set(passed))


def test_the_services_are_found() -> None:
    # Guards the tests below.
    assert set(SERVICES) == {
        *("postgres", "redis", "migrate", "api", "worker", "beat", "flower", "simulator", "seeder"),
        *("prometheus", "grafana"),
    }


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_every_service_is_confined(service: dict[str, Any]) -> None:
    assert service["mem_limit"]
    assert service["pids_limit"] == 256
    assert service["init"] is True
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] in ("unless-stopped", "no")
    assert service["logging"]["options"]["max-size"] == "10m"
    assert not {"privileged", "cap_add", "network_mode"} & set(service)


def test_number_of_workers_is_a_setting() -> None:
    assert SERVICES["worker"]["scale"] == "${WORKERS:-1}"


@pytest.mark.parametrize("server", ["postgres", "redis", "prometheus", "grafana"])
def test_servers_are_pinned_to_a_minor_version(server: str) -> None:
    # Prometheus and Grafana have no tag for a minor version, only one for each release.
    assert re.fullmatch(rf"(\w+/)?{server}:v?\d+\.\d+(\.\d+)?", SERVICES[server]["image"])


@pytest.mark.parametrize("server", ["prometheus", "grafana"])
def test_monitoring_is_a_profile_and_reads_its_files_only(server: str) -> None:
    assert SERVICES[server]["profiles"] == ["monitoring"]
    files = [volume.split(":") for volume in SERVICES[server]["volumes"] if volume.startswith(".")]
    assert files
    assert all(mode == "ro" and (ROOT / path).is_dir() for path, _, mode in files)


def test_prometheus_scrapes_the_api_alone_and_the_worker_opens_no_port() -> None:
    scraped = (ROOT / "monitoring/prometheus/prometheus.yml").read_text()

    assert re.findall(r"job_name: (\w+)", scraped) == ["api"]
    assert 'targets: ["api:5001"]' in scraped
    assert "ports" not in SERVICES["worker"]


def test_no_password_is_on_a_command_line() -> None:
    commands = [str(service["command"]) for service in SERVICES.values() if "command" in service]

    assert len(commands) > 3
    # Two dollars are for the shell inside; one would be the value itself.
    assert [found for found in commands if re.search(r"(?<!\$)\$\{", found)] == []


WITH_A_DEFAULT = {"DATABASE_PASSWORD", "REDIS_PASSWORD", "FLOWER_BASIC_AUTH"}
"""The compose file sets these itself, so a file replaces them only in an override."""

WITHOUT_A_SECRET = {"DATABASE_URL", "REDIS_URL"}
"""Their passwords may be apart from them."""


@pytest.mark.parametrize("name", sorted({name.upper() for name in SECRETS}))
def test_every_secret_may_come_from_a_file(name: str) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()

    if name in WITH_A_DEFAULT:
        assert f'{name}: ""' in page
        assert f"{name}_FILE: /run/secrets/" in page
    elif name not in WITHOUT_A_SECRET:
        assert LOADED["x-settings"][f"{name}_FILE"] == f"${{{name}_FILE:-}}"


def test_flower_has_a_password_by_default() -> None:
    assert LOADED["x-settings"]["FLOWER_BASIC_AUTH"] == "${FLOWER_BASIC_AUTH:-repopulse:repopulse}"
