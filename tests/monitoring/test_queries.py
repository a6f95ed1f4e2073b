"""The dashboard and the alerts query what the API really shows."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from local.ports import free_port
from simulator import GitHubSimulator, World, serving
from tests.end_to_end.system import System, running
from tests.monitoring import queries
from tests.monitoring.queries import Query
from tests.monitoring.scrape import Labels, Scrape, scrape
from tests.servers import ROOT, Databases, Servers
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")

needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None, reason="prometheus is not installed: queries are parsed, not run"
)
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: the rules are parsed, not run"
)

ALL = [*queries.of_dashboard(), *queries.of_alerts()]
IDS = [query.where for query in ALL]


@dataclass
class Seen:
    """The metrics of a system that tracked a user and recorded a day."""

    idle: Scrape
    """Before the worker had anything to do."""
    busy: Scrape
    answers: dict[Query, dict[str, Any]] = field(default_factory=dict)
    """What a real Prometheus answered to each query, if it is installed."""

    @property
    def samples(self) -> dict[str, dict[Labels, float]]:
        """By name and labels; Prometheus itself adds the last."""
        up = {frozenset({"job": "api", "instance": "x"}.items()): 1.0}
        return {**self.busy.samples, "up": up}


@pytest.fixture(scope="module")
def seen(servers: Servers, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    directory = tmp_path_factory.mktemp("monitoring")
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    world = World(day=datetime.now(UTC).date())
    world.add_repository(world.add_account("allien", id=5), "hello", stargazers=3)
    github = GitHubSimulator(world, tokens={"token": world.add_account("watcher")})
    github.credentials.expirations["token"] = datetime.now(UTC) + timedelta(days=30)
    api_port = free_port()
    with databases.fresh() as database_url, serving(github) as address:
        system = System(
            environment={
                "DATABASE_URL": database_url,
                "REDIS_URL": servers.redis_url,
                "API_PORT": str(api_port),
                "DATA_DIR": str(directory / "data"),
                "WORKER_CONCURRENCY": "1",
                "SWEEP_INTERVAL": "1",
                "GITHUB_TOKEN": "token",
                "GITHUB_API_URL": address,
            },
            logs=directory / "logs",
        )
        with running(system, "worker", "api"):
            wait_until(lambda: scrape(api_port).value("repopulse_workers") == 1, 30)
            idle = scrape(api_port)
            system.start("beat")
            system.call("PUT", "/v1/users", json={"id": 5, "login": "allien", "name": "A"})
            system.call("GET", "/v1/users/5")

            def is_done() -> bool:
                shown = scrape(api_port)
                return bool(
                    shown.value("repopulse_scans_total", outcome="done")
                    and "repopulse_sweep_age_seconds" in shown.samples
                    and "repopulse_complete_fan_out_age_seconds" in shown.samples
                )

            wait_until(is_done, 60)
            found = Seen(idle, scrape(api_port))
            if PROMETHEUS is not None:
                with prometheus(PROMETHEUS, directory, api_port) as server:
                    found.answers = {query: _ask(server, query.runnable) for query in ALL}
    return found


@contextmanager
def prometheus(program: str, directory: Path, api_port: int) -> Iterator[str]:
    """Run a Prometheus until it has scraped the API a few times."""
    job = {"job_name": "api", "static_configs": [{"targets": [f"127.0.0.1:{api_port}"]}]}
    # A scrape takes a second: the API asks the workers.
    settings = {"scrape_interval": "2s", "scrape_timeout": "2s"}
    config = directory / "prometheus.yml"
    # JSON is YAML.
    config.write_text(json.dumps({"global": settings, "scrape_configs": [job]}))
    port = free_port()
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        server = f"http://127.0.0.1:{port}"

        def has_scraped() -> bool:
            with suppress(httpx.TransportError):
                # While it starts it answers 503, and no JSON.
                if httpx.get(f"{server}/-/ready", timeout=10).is_success:
                    answer = _ask(server, "sum_over_time(up[1m]) >= 4")
                    return len(answer["data"]["result"]) == 1
            return False

        wait_until(has_scraped, 60)
        yield server
    finally:
        process.kill()
        process.wait()


def _ask(server: str, expression: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(
        f"{server}/api/v1/query", params={"query": expression}, timeout=10
    ).json()
    return answer


@pytest.mark.parametrize("query", ALL, ids=IDS)
def test_query_names_metrics_labels_and_values_that_exist(seen: Seen, query: Query) -> None:
    assert query.selectors
    known: set[str] = set()
    for selector in query.selectors:
        assert selector.metric in seen.samples
        labels = [dict(series) for series in seen.samples[selector.metric]]
        known.update(*labels)
        for name, operator, value in selector.matchers:
            assert operator in ("=", "=~")
            values = {series.get(name) for series in labels}
            assert set(value.split("|") if operator == "=~" else [value]) <= values
    assert query.grouped_by <= known
    assert query.mentions - {"value"} <= known


@pytest.mark.parametrize("query", ALL, ids=IDS)
def test_legend_mentions_labels_that_survive_the_grouping(query: Query) -> None:
    if re.search(r"\bby \(", query.expression):
        assert query.mentions - {"value"} <= query.grouped_by


@needs_prometheus
@pytest.mark.parametrize("query", ALL, ids=IDS)
def test_prometheus_answers_the_query(seen: Seen, query: Query) -> None:
    answer = seen.answers[query]

    assert answer["status"] == "success", answer
    if query in queries.of_dashboard():
        assert answer["data"]["result"], "no data"
    else:
        assert answer["data"]["result"] == [], "an alert without a fault"


@needs_promtool
def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    # Checks the rules too: the configuration names them.
    checked = subprocess.run(
        [str(PROMTOOL), "check", "config", "--lint-fatal", str(queries.CONFIGURATION)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(queries.of_alerts())} rules found" in checked.stdout


@needs_promtool
def test_alerts_fire_when_they_should_and_not_before() -> None:
    tried = subprocess.run(
        [str(PROMTOOL), "test", "rules", "tests/monitoring/alerts.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_every_alert_has_a_test() -> None:
    tried = (ROOT / "tests/monitoring/alerts.yml").read_text()

    assert len(queries.of_alerts()) >= 6
    for alert in queries.of_alerts():
        assert f"alertname: {alert.where}\n" in tried


def test_names_follow_the_conventions_of_prometheus(seen: Seen) -> None:
    families = seen.busy.families
    assert len(families) > 15
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert re.fullmatch(r"repopulse_[a-z]+(_[a-z]+)*", family.name)
        assert family.documentation
        assert not re.search(
            r"_(total|count|sum|bucket|info|ms|minutes|milliseconds)$", family.name
        )
        for sample in family.samples:
            assert (sample.name == f"{family.name}_total") == (family.type == "counter")
    for family in families:
        if re.search(r"\btime\b", family.documentation, re.IGNORECASE):
            assert family.name.endswith("_seconds")


@needs_promtool
def test_promtool_accepts_the_metrics(seen: Seen) -> None:
    checked = subprocess.run(
        [str(PROMTOOL), "check", "metrics"],
        input=seen.busy.text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_work_adds_no_series_to_what_workers_count(seen: Seen) -> None:
    def counted(scraped: Scrape) -> dict[str, set[Labels]]:
        return {
            name: set(series)
            for name, series in scraped.samples.items()
            if name.startswith(("repopulse_scans", "repopulse_rows", "repopulse_github_request"))
        }

    assert len(counted(seen.idle)) == 6
    assert counted(seen.idle) == counted(seen.busy)


def test_no_label_holds_text_from_users(seen: Seen) -> None:
    assert "allien" not in seen.busy.text
    names = {name for series in seen.samples.values() for labels in series for name, _ in labels}
    assert names == {
        *("job", "instance", "le", "method", "route", "status"),
        *("what", "queue", "resource", "outcome", "meaning"),
    }


def test_operations_page_lists_every_metric_and_alert(seen: Seen) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    listed = re.findall(r"`(repopulse_\w+)(?:\{([\w,]*)\})?`", page)

    shown = {
        family.name + ("_total" if family.type == "counter" else ""): {
            name for sample in family.samples for name in sample.labels
        }
        - {"le"}
        for family in seen.busy.families
    }
    assert {name: set(filter(None, labels.split(","))) for name, labels in listed} == shown
    alerts = re.findall(r"`(Repopulse\w+)`", page)
    assert sorted(alerts) == sorted(alert.where for alert in queries.of_alerts())


def test_grafana_is_provisioned_with_the_dashboard_and_its_data_source() -> None:
    source = queries.provisioned("datasources")
    folder = queries.provisioned("dashboards")["options"]["path"]
    compose = (ROOT / "docker-compose.yml").read_text()

    asked = {
        target["datasource"]["uid"]
        for each in queries.dashboard()["panels"]
        for target in each["targets"]
    }
    assert asked == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert f"./monitoring/grafana/dashboards:{folder}:ro" in compose
    assert f"{folder}/{queries.DASHBOARD.name}" in compose
    assert (queries.FOLDER / "grafana/dashboards").samefile(queries.DASHBOARD.parent)


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in queries.dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
