from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.settings import Settings, load_settings
from local.plan import DEMO_TOKEN, Plan, plan_demo, plan_up


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


def test_up_runs_every_process_of_the_product() -> None:
    plan = plan_up(settings())

    modules = [program.command[1:3] for program in plan.programs]
    assert modules == [
        ["-m", "api"],
        ["-m", "worker"],
        ["-m", "worker.beat"],
        ["-m", "worker.flower"],
    ]
    assert [listening.setting for listening in plan.ports] == ["API_PORT", "FLOWER_PORT"]


def test_demo_uses_neither_the_operators_servers_nor_the_token() -> None:
    plan = plan_demo(
        settings(
            database_url="postgresql://user:password@example.invalid/observations",
            redis_url="redis://example.invalid",
            github_token=SecretStr("real"),
            data_dir=Path("data"),
        )
    )

    assert plan.database_url is None
    assert plan.redis_url is None
    assert plan.data_dir == Path("data/demo")
    assert plan.environment["GITHUB_TOKEN"] == DEMO_TOKEN
    assert plan.environment["GITHUB_APP_ID"] == ""
    assert plan.environment["GITHUB_API_URL"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("plan_it", [plan_up, plan_demo])
def test_programs_get_secrets_instead_of_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plan_it: Callable[[Settings], Plan]
) -> None:
    secrets = {"DATABASE_URL": "postgresql://a@b/c", "REDIS_URL": "redis://a", "GITHUB_TOKEN": "a"}
    for name, secret in secrets.items():
        (tmp_path / name).write_text(secret)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    plan = plan_it(load_settings())

    given = {"DATABASE_URL": "postgresql://d@e/f", "REDIS_URL": "redis://d", **plan.environment}
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    read = load_settings()

    assert read.database == "postgresql+psycopg2://d@e/f"
    assert read.redis == "redis://d"
    assert read.github_token is not None
    assert read.github_token.get_secret_value() == plan.environment.get("GITHUB_TOKEN", "a")


@pytest.mark.parametrize(
    ("given", "passed"), [({}, {"WORKER_CONCURRENCY": "2"}), ({"worker_concurrency": 6}, {})]
)
def test_worker_has_two_children_unless_set(
    given: dict[str, object], passed: dict[str, str]
) -> None:
    plan = plan_up(settings(**given))

    worker = next(program for program in plan.programs if program.name == "worker")
    assert worker.environment == passed


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:5001"),
        ("0.0.0.0", "http://127.0.0.1:5001"),
        ("::", "http://[::1]:5001"),
    ],
)
def test_printed_address_can_be_opened(host: str, address: str) -> None:
    plan = plan_up(settings(api_host=host))

    assert any(line.endswith(f"  {address}") for line in plan.welcome)
