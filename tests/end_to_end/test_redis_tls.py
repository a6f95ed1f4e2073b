"""Redis with TLS: every process checks its certificate, unless the address says otherwise."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import NamedTuple

import httpx
import pytest
import redis
from kombu.exceptions import OperationalError
from pydantic import SecretStr

from common.broker import make_celery
from common.redis_client import connect, make_redis
from common.settings import Settings
from local.ports import LOOPBACK, free_port
from simulator import GitHubSimulator, World, serving
from tests.certificates import make_certificates
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

PASSWORD = "throw-away"


class TlsRedis(NamedTuple):
    """A running Redis, and the authority that signed its certificate."""

    url: str
    authority: Path

    @property
    def trusted_url(self) -> str:
        return f"{self.url}?ssl_ca_certs={self.authority}"


@pytest.fixture
def tls_redis(tmp_path: Path) -> Iterator[TlsRedis]:
    program = which("redis-server")
    if program is None:
        pytest.skip("needs Debian's package redis-server: the one of make up has no TLS")
    # As those that people make with OpenSSL are.
    files = make_certificates(tmp_path, with_key_usage=False)
    port = free_port()
    process = subprocess.Popen(
        [
            *(program, "--port", "0", "--bind", LOOPBACK, "--tls-port", str(port)),
            *("--tls-cert-file", str(files.certificate), "--tls-key-file", str(files.key)),
            *("--tls-ca-cert-file", str(files.authority), "--tls-auth-clients", "no"),
            *("--requirepass", PASSWORD, "--save", ""),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    started = TlsRedis(f"rediss://:{PASSWORD}@{LOOPBACK}:{port}/0", files.authority)
    try:
        wait_until(lambda: answers(started.trusted_url))
        yield started
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    with connect(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def flower_queues(system: System) -> str:
    """Return Flower's page of the broker; empty while Flower starts."""
    try:
        page = httpx.get(f"http://127.0.0.1:{system.environment['FLOWER_PORT']}/broker", timeout=10)
    except httpx.TransportError:
        return ""
    return page.text if page.status_code == 200 else ""


def with_redis(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"redis_url": SecretStr(url)})


def test_all_processes_work_with_an_authority_of_ones_own(
    make_system: MakeSystem, tls_redis: TlsRedis, world: World
) -> None:
    octocat = world.add_account("octocat")
    world.add_repository(octocat, "hello", stargazers=3, forks=2, watchers=1)
    with serving(GitHubSimulator(world, tokens={"token": None})) as github:
        system = make_system(
            GITHUB_API_URL=github, REDIS_URL=tls_redis.trusted_url, SWEEP_INTERVAL="1"
        )
        with running(system, "api", "worker", "beat", "flower"):
            assert system.call("PUT", "/v1/users", json={"login": "octocat"}).status_code in (
                201,
                202,
            )
            wait_until(
                lambda: system.call("GET", f"/v1/users/{octocat.id}/stats").json().get("stats"), 60
            )
            wait_until(lambda: "load" in flower_queues(system), 60)
        for process in ("api", "worker", "beat", "flower"):
            assert "insecure" not in system.log(process).lower()


def test_a_certificate_that_is_not_trusted_is_refused_before_the_password_is_sent(
    settings: Settings, tls_redis: TlsRedis
) -> None:
    untrusted = with_redis(settings, tls_redis.url)

    with make_redis(untrusted) as client, pytest.raises(redis.ConnectionError) as refused:
        client.ping()
    with (
        make_celery(untrusted, is_api=True) as celery,
        celery.connection_for_write() as connection,
        pytest.raises(OperationalError, match="certificate verify failed"),
    ):
        connection.ensure_connection(max_retries=1, timeout=5)

    assert "certificate verify failed" in str(refused.value)
    with connect(tls_redis.trusted_url) as client:
        # HELLO sends the password. Ours alone: from the fixture and from this client.
        assert client.info("commandstats")["cmdstat_hello"]["calls"] <= 2


def test_readiness_says_that_the_certificate_is_not_trusted(
    make_system: MakeSystem, tls_redis: TlsRedis
) -> None:
    system = make_system(REDIS_URL=tls_redis.url)
    system.start("api")
    try:
        wait_until(lambda: "listening" in system.log("api"), 30)
        parts = system.call("GET", "/readyz").json()
    finally:
        system.stop()

    assert "its certificate is not trusted" in str(parts)


def test_an_address_may_ask_for_no_check_in_so_many_words(
    settings: Settings, tls_redis: TlsRedis
) -> None:
    unchecked = with_redis(settings, f"{tls_redis.url}?ssl_cert_reqs=none")

    with make_redis(unchecked) as client:
        assert client.ping()
    celery = make_celery(unchecked)
    assert celery.conf.broker_use_ssl["ssl_cert_reqs"] == ssl.CERT_NONE
    celery.close()


def test_another_spelling_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://localhost?ssl_cert_reqs=CERT_NONE")

    with pytest.raises(ValueError, match="ssl_cert_reqs must be required"):
        Settings()
