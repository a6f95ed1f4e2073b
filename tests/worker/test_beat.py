from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.schedules import crontab
from pydantic import SecretStr

from common.broker import Queue, Task
from common.errors import SetupError
from common.redis_client import make_redis
from common.settings import Settings
from local.ports import free_port
from worker import beat
from worker.heartbeat import is_fresh, path_of


def entry(name: str, **given: Any) -> dict[str, Any]:
    return beat.schedule(Settings(**given))[name]


def test_the_daily_fan_out_and_the_sweep_are_two_tasks() -> None:
    entries = beat.schedule(Settings())

    assert set(entries) == {"daily fan-out", "sweep"}
    assert {entry["task"] for entry in entries.values()} == {Task.FAN_OUT, Task.SWEEP}


def test_the_fan_out_is_sent_at_five_past_midnight() -> None:
    assert entry("daily fan-out")["schedule"] == crontab(minute=5, hour=0)


def test_the_hour_of_the_fan_out_is_a_setting() -> None:
    assert entry("daily fan-out", scan_at=time(23, 30))["schedule"] == crontab(minute=30, hour=23)


def test_the_hour_is_utc(settings: Settings) -> None:
    app = beat.make_beat(settings)

    assert app.conf.enable_utc
    assert app.conf.timezone == "UTC"


def test_the_fan_out_is_due_once_a_day(settings: Settings) -> None:
    app = beat.make_beat(settings)
    schedule = app.conf.beat_schedule["daily fan-out"]["schedule"]
    schedule.app = app
    schedule.nowfun = lambda: datetime(2026, 11, 23, 0, 5, 30, tzinfo=UTC)

    assert schedule.is_due(datetime(2026, 11, 22, 0, 5, 1, tzinfo=UTC)).is_due
    assert not schedule.is_due(datetime(2026, 11, 23, 0, 5, 1, tzinfo=UTC)).is_due


def test_the_sweep_comes_each_minute() -> None:
    assert entry("sweep")["schedule"] == timedelta(seconds=60)


@pytest.mark.parametrize("seconds", [1, 10, 600])
def test_the_interval_of_the_sweep_is_a_setting(seconds: int) -> None:
    assert entry("sweep", sweep_interval=seconds)["schedule"] == timedelta(seconds=seconds)


def test_no_message_depends_on_the_clock_of_the_host_that_takes_it() -> None:
    assert not any(
        "expires" in entry.get("options", {}) for entry in beat.schedule(Settings()).values()
    )


def run_for(scheduler: beat.Scheduler, entry: Any, times: int) -> None:
    for _ in range(times):
        scheduler.apply_entry(entry)


@pytest.fixture
def scheduler(settings: Settings, tmp_path: Path) -> Iterator[beat.Scheduler]:
    made = beat.Scheduler(
        beat.make_beat(settings), schedule_filename=str(tmp_path / "schedule"), lazy=True
    )
    made.setup_schedule()
    yield made
    made.close()


def test_celery_adds_no_entry_of_its_own(scheduler: beat.Scheduler) -> None:
    assert set(scheduler.schedule) == {"daily fan-out", "sweep"}


def test_an_entry_that_a_former_release_left_in_the_file_is_removed(
    settings: Settings, tmp_path: Path
) -> None:
    file = str(tmp_path / "schedule")
    app = beat.make_beat(settings)
    app.conf.result_expires = 86_400
    former = beat.Scheduler(app, schedule_filename=file, lazy=True)
    former.setup_schedule()
    assert "celery.backend_cleanup" in former.schedule
    former.close()

    now = beat.Scheduler(beat.make_beat(settings), schedule_filename=file, lazy=True)
    now.setup_schedule()

    assert set(now.schedule) == {"daily fan-out", "sweep"}
    now.close()


def test_sweeps_that_nobody_takes_do_not_pile_up(
    scheduler: beat.Scheduler, settings: Settings
) -> None:
    run_for(scheduler, scheduler.schedule["sweep"], 50)

    with make_redis(settings) as client:
        assert client.llen(Queue.CONTROL) == 2


def test_a_broker_that_is_away_is_one_line_and_no_traceback(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = SecretStr(f"redis://127.0.0.1:{free_port()}/0")
    app = beat.make_beat(settings.model_copy(update={"redis_url": nowhere}))
    scheduler = beat.Scheduler(app, schedule_filename=str(tmp_path / "schedule"), lazy=True)
    scheduler.setup_schedule()

    scheduler.apply_entry(scheduler.schedule["sweep"])

    (line,) = [record for record in caplog.records if record.name == "worker.beat"]
    assert "broker does not answer" in line.getMessage()
    assert line.exc_info is None
    scheduler.close()


def test_beat_knows_the_names_of_tasks_and_not_their_code(settings: Settings) -> None:
    app = beat.make_beat(settings)

    assert not [name for name in app.tasks if name.startswith("repopulse.")]


def test_beat_writes_a_heartbeat_at_each_tick(
    scheduler: beat.Scheduler, settings: Settings
) -> None:
    path = path_of(settings, is_beat=True)
    assert not is_fresh(path)

    scheduler.tick()

    assert is_fresh(path)


def test_beat_needs_redis() -> None:
    with pytest.raises(SetupError, match="REDIS_URL is not set"):
        beat.make_beat(Settings())
