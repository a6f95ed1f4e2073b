from pathlib import Path

import pytest
from pydantic import SecretStr

from common.local.plan import DEMO_TOKEN, plan_demo, plan_up
from common.settings import Settings


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


def test_the_demo_touches_neither_the_persons_servers_nor_the_persons_token() -> None:
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


@pytest.mark.parametrize(
    ("given", "passed"), [({}, {"WORKER_CONCURRENCY": "2"}), ({"worker_concurrency": 6}, {})]
)
def test_the_worker_is_small_unless_a_setting_says_otherwise(
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
def test_the_address_that_is_printed_can_be_opened(host: str, address: str) -> None:
    plan = plan_up(settings(api_host=host))

    assert any(line.endswith(f"  {address}") for line in plan.welcome)
