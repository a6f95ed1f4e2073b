import logging
import sys
import warnings
from types import TracebackType

import pytest
import redis
from billiard.einfo import ExceptionInfo
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery import Celery
from celery.app.trace import report_internal_error
from kombu.exceptions import OperationalError

from worker.tracebacks import WithoutTraceback, install

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def raised(error: BaseException) -> ExcInfo:
    try:
        raise error
    except BaseException:  # noqa: BLE001 - made here
        return sys.exc_info()


def passed_on(exc_info: ExcInfo) -> logging.LogRecord:
    record = logging.LogRecord("celery", logging.ERROR, __file__, 1, "it failed", (), exc_info)
    assert WithoutTraceback().filter(record)
    return record


@pytest.mark.parametrize(
    "error",
    [
        SoftTimeLimitExceeded(),
        TimeLimitExceeded(630),
        WorkerLostError("killed"),
        redis.ResponseError("MISCONF Redis is configured to save, but cannot persist on disk"),
        OperationalError("Error 111 connecting to 127.0.0.1:6379. Connection refused."),
    ],
)
def test_an_error_that_is_no_code_s_fault_is_one_line(error: Exception) -> None:
    assert passed_on(raised(error)).exc_info is None


def test_so_it_is_where_a_child_sent_it_to_its_parent() -> None:
    try:
        raise TimeLimitExceeded(630)
    except TimeLimitExceeded:
        sent = ExceptionInfo().exc_info

    assert passed_on(sent).exc_info is None


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    assert passed_on(raised(KeyError("counts"))).exc_info is not None


def test_a_limit_that_celery_meets_after_the_task_is_no_warning_with_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work() -> None: ...

    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    app = Celery(set_as_current=False)
    task = app.task(work, name="made up", shared=False)
    app.finalize()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        install()
        for error in (SoftTimeLimitExceeded(), KeyError("counts")):
            try:
                raise error
            except Exception as met:  # noqa: BLE001 - made here
                report_internal_error(task, met)

    assert ["KeyError" in str(warning.message) for warning in told] == [True]
