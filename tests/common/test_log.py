import io
import json
import logging
import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from common.log import about, configure, redact
from common.settings import LogFormat, Settings

TOKENS = [
    "ghp_" + "a1B2" * 9,
    "gho_" + "a1B2" * 9,
    "ghs_" + "a1B2" * 9,
    "github_pat_11AAAAAAA0_" + "b2C3" * 14,
    "Bearer s3cret.s3cret-s3cret",
    "postgresql+psycopg2://repopulse:s3cret@127.0.0.1:5432/repopulse",
    "redis://:s3cret@127.0.0.1:6379/0",
]
REMAINS = re.compile(r"s3cret|a1B2|b2C3")

log = logging.getLogger("tests.log")


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """Put back what configuring changes for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {
        name: logger.level
        for name, logger in root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, logger in root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger):
            logger.setLevel(levels.get(name, logging.NOTSET))


class Stderr(io.StringIO):
    """What was written since it was last read."""

    def take(self) -> str:
        told = self.getvalue()
        self.seek(0)
        self.truncate()
        return told


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Stderr:
    stream = Stderr()
    # Not sys.stderr itself: pytest puts its own there between a fixture and the test.
    monkeypatch.setattr("common.log.sys", SimpleNamespace(stderr=stream))
    return stream


@pytest.fixture
def text(stderr: Stderr) -> Stderr:
    configure(Settings())
    return stderr


@pytest.fixture
def as_json(stderr: Stderr) -> Stderr:
    configure(Settings(log_format=LogFormat.JSON))
    return stderr


def test_a_text_line_tells_time_level_logger_and_message(
    text: Stderr,
) -> None:
    log.info("user added: %s (%d)", "octocat", 583231)

    line = text.take()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ INFO    tests\.log: user added: octocat \(583231\)\n",
        line,
    )


def test_a_text_line_names_its_request_or_task(text: Stderr) -> None:
    with about("task 3f2a"):
        log.info("scan done")
    log.info("idle")

    inside, outside = text.take().splitlines()
    assert inside.endswith("scan done [task 3f2a]")
    assert outside.endswith("idle")


def test_a_subject_inside_another_ends_with_itself(text: Stderr) -> None:
    with about("request 1"):
        with about("task 2"):
            pass
        log.info("back")

    assert text.take().endswith("back [request 1]\n")


def test_a_json_line_is_one_object(as_json: Stderr) -> None:
    with about("request 7c"):
        log.warning("naïve “name”: %s", "a\nb")

    (line,) = as_json.take().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "WARNING",
        "logger": "tests.log",
        "message": "naïve “name”: a\nb",
        "subject": "request 7c",
    }


def test_a_json_line_without_a_subject_has_none(as_json: Stderr) -> None:
    log.info("idle")

    assert "subject" not in json.loads(as_json.take())


@pytest.mark.parametrize("secret", TOKENS)
def test_secrets_are_struck_out_of_text(text: Stderr, secret: str) -> None:
    log.info("asked with %s and got no answer", secret)

    line = text.take()
    assert not REMAINS.search(line)
    assert "***" in line
    assert "and got no answer" in line


@pytest.mark.parametrize("secret", TOKENS)
def test_secrets_are_struck_out_of_json(as_json: Stderr, secret: str) -> None:
    log.info("asked with %s and got no answer", secret)

    entry = json.loads(as_json.take())
    assert not REMAINS.search(entry["message"])
    assert entry["message"].endswith("and got no answer")


@pytest.mark.parametrize("log_format", list(LogFormat))
@pytest.mark.parametrize("secret", TOKENS)
def test_secrets_are_struck_out_of_exceptions(
    stderr: Stderr, log_format: LogFormat, secret: str
) -> None:
    configure(Settings(log_format=log_format))

    try:
        raise ConnectionError(f"cannot reach {secret}")
    except ConnectionError:
        log.exception("scan failed")

    told = stderr.take()
    assert "Traceback" in told
    assert not REMAINS.search(told)


def test_an_exception_in_json_stays_on_one_line(as_json: Stderr) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("scan failed")

    (line,) = as_json.take().splitlines()
    assert "ZeroDivisionError" in json.loads(line)["exception"]


def test_what_is_no_secret_stays() -> None:
    told = "GET https://api.github.com/repos/ghost/github_pages: 12:30, user@example.org"

    assert redact(told) == told


def test_the_host_of_an_address_stays() -> None:
    assert redact("redis://:pass@10.0.0.1:6379/0") == "redis://***@10.0.0.1:6379/0"


def test_less_important_lines_are_left_out(stderr: Stderr) -> None:
    configure(Settings(log_level="WARNING"))

    log.info("quiet")
    log.warning("loud")

    assert "loud" in stderr.take().splitlines()[0]


@pytest.mark.parametrize("name", ["httpx", "httpcore", "kombu"])
def test_the_chatter_of_libraries_is_left_out(text: Stderr, name: str) -> None:
    logging.getLogger(name).info("HTTP Request: GET …")
    logging.getLogger(name).warning("trouble")

    assert "trouble" in text.take().splitlines()[0]
