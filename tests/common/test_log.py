import io
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from common.log import Redactor, configure, log_context, redact, register_secret
from common.settings import LogFormat, Settings
from tests.servers import ROOT

TOKENS = [
    "ghp_" + "a1B2" * 9,
    "gho_" + "a1B2" * 9,
    "ghs_" + "a1B2" * 9,
    "github_pat_11AAAAAAA0_" + "b2C3" * 14,
    "Bearer s3cret.s3cret-s3cret",
    "postgresql+psycopg2://repopulse:s3cret@127.0.0.1:5432/repopulse",
    "redis://:s3cret@127.0.0.1:6379/0",
    "Basic czNjcmV0OnMzY3JldA==",
    "eyJhbGciOiJS.eyJpc3MiOiIz.s3cret-s3cret",
    "-----BEGIN RSA PRIVATE KEY-----\ns3crets3crets3cret\n-----END RSA PRIVATE KEY-----",
]
REMAINS = re.compile(r"s3cret|a1B2|b2C3|czNjcmV0")

log = logging.getLogger("tests.log")


@pytest.fixture(autouse=True)
def _root_logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore what ``configure`` changes in the process."""
    monkeypatch.setattr("common.log.redactor", Redactor())
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
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
    """Collects what is written; ``take`` returns what is new."""

    def take(self) -> str:
        written = self.getvalue()
        self.seek(0)
        self.truncate()
        return written


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Stderr:
    stream = Stderr()
    # Not sys.stderr itself, which pytest replaces between a fixture and the test.
    monkeypatch.setattr("common.log.sys", SimpleNamespace(stderr=stream))
    return stream


def tell_us_alone(stream: Stderr, message: str, *args: object, **more: object) -> None:
    """Give a line to the handler alone: pytest's own handlers fail on some lines."""
    record = logging.makeLogRecord({"msg": message, "args": args, **more})
    for handler in logging.getLogger().handlers:
        if getattr(handler, "stream", None) is stream:
            handler.handle(record)


@pytest.fixture
def text(stderr: Stderr) -> Stderr:
    configure(Settings())
    return stderr


@pytest.fixture
def as_json(stderr: Stderr) -> Stderr:
    configure(Settings(log_format=LogFormat.JSON))
    return stderr


def test_text_line_has_time_level_logger_and_message(
    text: Stderr,
) -> None:
    log.info("user added: %s (%d)", "octocat", 583231)

    line = text.take()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ INFO    tests\.log: user added: octocat \(583231\)\n",
        line,
    )


def test_text_line_has_its_request_or_task(text: Stderr) -> None:
    with log_context("task 3f2a"):
        log.info("scan done")
    log.info("idle")

    inside, outside = text.take().splitlines()
    assert inside.endswith("scan done [task 3f2a]")
    assert outside.endswith("idle")


def test_nested_context_ends_with_its_block(text: Stderr) -> None:
    with log_context("request 1"):
        with log_context("task 2"):
            pass
        log.info("back")

    assert text.take().endswith("back [request 1]\n")


def test_json_line_is_one_object(as_json: Stderr) -> None:
    with log_context("request 7c"):
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


def test_json_line_outside_a_context_has_no_subject(as_json: Stderr) -> None:
    log.info("idle")

    assert "subject" not in json.loads(as_json.take())


@pytest.mark.parametrize("secret", TOKENS)
def test_secrets_are_redacted_in_text(text: Stderr, secret: str) -> None:
    log.info("request with %s got no answer", secret)

    line = text.take()
    assert not REMAINS.search(line)
    assert "***" in line
    assert "got no answer" in line


@pytest.mark.parametrize("secret", TOKENS)
def test_secrets_are_redacted_in_json(as_json: Stderr, secret: str) -> None:
    log.info("request with %s got no answer", secret)

    entry = json.loads(as_json.take())
    assert not REMAINS.search(entry["message"])
    assert entry["message"].endswith("got no answer")


@pytest.mark.parametrize("log_format", list(LogFormat))
@pytest.mark.parametrize("secret", TOKENS)
def test_secrets_are_redacted_in_tracebacks(
    stderr: Stderr, log_format: LogFormat, secret: str
) -> None:
    configure(Settings(log_format=log_format))

    try:
        raise ConnectionError(f"cannot reach {secret}")
    except ConnectionError:
        log.exception("scan failed")

    written = stderr.take()
    assert "Traceback" in written
    assert not REMAINS.search(written)


def test_json_line_with_an_exception_is_one_line(as_json: Stderr) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("scan failed")

    (line,) = as_json.take().splitlines()
    assert "ZeroDivisionError" in json.loads(line)["exception"]


def test_other_text_is_not_redacted() -> None:
    written = "GET https://api.github.com/repos/ghost/github_pages: 12:30, user@example.org"

    assert redact(written) == written


def test_host_of_a_url_is_not_redacted() -> None:
    assert redact("redis://:pass@10.0.0.1:6379/0") == "redis://***@10.0.0.1:6379/0"


def test_lines_below_the_log_level_are_not_written(stderr: Stderr) -> None:
    configure(Settings(log_level="WARNING"))

    log.info("quiet")
    log.warning("loud")

    assert "loud" in stderr.take().splitlines()[0]


@pytest.mark.parametrize("name", ["httpx", "httpcore", "kombu"])
def test_info_lines_of_libraries_are_not_written(text: Stderr, name: str) -> None:
    logging.getLogger(name).info("HTTP Request: GET …")
    logging.getLogger(name).warning("trouble")

    assert "trouble" in text.take().splitlines()[0]


# The secrets of the settings

KEY_LINE = "MIIEpAIBAAKCAQEA7mKj"
SECRETS = Settings(
    database_url=SecretStr("postgresql://repopulse:p%40ss%2Fw0rd@127.0.0.1/repopulse"),
    redis_url=SecretStr("redis://:r3dis%2Fpass@127.0.0.1:6379/0"),
    github_token=SecretStr("marked token"),
    github_app_private_key=SecretStr(
        f"-----BEGIN RSA PRIVATE KEY-----\\n{KEY_LINE}\\n-----END RSA PRIVATE KEY-----"
    ),
    api_key=SecretStr("marked \\key\u00e9"),
    flower_basic_auth=SecretStr("operator:fl0wer-pass"),
)
SPELLINGS = [
    "p%40ss%2Fw0rd",
    "p@ss/w0rd",
    "r3dis%2Fpass",
    "r3dis/pass",
    "marked token",
    quote("marked token"),
    "marked+token",
    KEY_LINE,
    "marked \\key\u00e9",
    repr("marked \\key\u00e9")[1:-1],
    json.dumps("marked \\key\u00e9")[1:-1],
    "fl0wer-pass",
    "b3BlcmF0b3I6Zmwwd2VyLXBhc3M",
]


@pytest.mark.parametrize("log_format", list(LogFormat))
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_secrets_of_the_settings_are_redacted_in_every_encoding(
    stderr: Stderr, log_format: LogFormat, spelling: str
) -> None:
    configure(SECRETS.model_copy(update={"log_format": log_format}))

    log.info("request with %s.", spelling)
    try:
        raise ConnectionError(f"refused: {spelling}.")
    except ConnectionError:
        log.exception("no answer")

    written = stderr.take()
    assert spelling not in written
    assert json.dumps(spelling, ensure_ascii=False)[1:-1] not in written
    assert "request with ***." in written
    assert "refused: ***." in written


def test_registered_secret_is_redacted(text: Stderr) -> None:
    register_secret("fresh-from-github")

    log.info("token fresh-from-github")

    assert text.take().endswith("token ***\n")


def test_short_secret_is_not_redacted(stderr: Stderr) -> None:
    configure(Settings(github_token=SecretStr("demo")))

    log.info("the demo begins")

    assert stderr.take().endswith("the demo begins\n")


def test_password_that_equals_the_user_name_is_not_redacted(stderr: Stderr) -> None:
    configure(Settings(database_url=SecretStr("postgresql://repopulse:repopulse@postgres/x")))

    log.info("repopulse.scan_user at postgresql://repopulse:repopulse@postgres/x")

    assert stderr.take().endswith("repopulse.scan_user at postgresql://***@postgres/x\n")


def test_default_password_of_the_compose_file_is_not_redacted(stderr: Stderr) -> None:
    configure(
        Settings(
            database_password=SecretStr("repopulse"),
            redis_password=SecretStr("repopulse"),
            redis_url=SecretStr("redis://:REDIS_PASSWORD@redis/0"),
            flower_basic_auth=SecretStr("repopulse:repopulse"),
        )
    )

    log.info("repopulse.scan_user at redis://:repopulse@redis/0")

    assert stderr.take().endswith("repopulse.scan_user at redis://***@redis/0\n")


def test_password_apart_from_its_url_is_redacted(stderr: Stderr) -> None:
    configure(
        Settings(
            database_password=SecretStr("p@ss/w#rd"),
            database_url=SecretStr("postgresql://user:DATABASE_PASSWORD@host/x"),
        )
    )

    log.info("refused p@ss/w#rd and p%40ss%2Fw%23rd")

    assert stderr.take().endswith("refused *** and ***\n")


def test_text_around_a_private_key_is_not_redacted(stderr: Stderr) -> None:
    configure(SECRETS)

    log.info("GITHUB_APP_PRIVATE_KEY is no RSA key")

    assert stderr.take().endswith("GITHUB_APP_PRIVATE_KEY is no RSA key\n")


# Foreign text cannot pass for log lines or control a terminal

NASTY = (
    "name\n2026-11-23 00:00:00Z ERROR   api: all is lost\r\x1b[2J\x1b]0;title\x07"
    "\x9b31m\x00\u2028\u202ereversed\ud800"
)
SHOWN = (
    "name 2026-11-23 00:00:00Z ERROR   api: all is lost \\u001b[2J\\u001b]0;title\\u0007"
    "\\u009b31m\\u0000\\u2028\\u202ereversed\\ud800"
)


def test_text_line_escapes_control_characters(text: Stderr) -> None:
    with log_context("request \x1b[1m"):
        tell_us_alone(text, "renamed: %s", NASTY)

    line = text.take()
    assert line.endswith(f"renamed: {SHOWN} [request \\u001b[1m]\n")
    assert line.count("\n") == 1


def test_traceback_lines_are_indented(text: Stderr) -> None:
    try:
        raise ValueError(NASTY)
    except ValueError:
        tell_us_alone(text, "scan failed", exc_info=sys.exc_info())

    first, *others = text.take().removesuffix("\n").split("\n")
    assert first.endswith("scan failed")
    assert all(line.startswith("  ") for line in others)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]", "".join(others))


def test_json_line_escapes_control_characters(as_json: Stderr) -> None:
    tell_us_alone(as_json, "renamed: %s", NASTY)

    line = as_json.take()
    assert json.loads(line)["message"] == f"renamed: {NASTY}"
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]", line)


def test_line_with_wrong_arguments_is_still_written(text: Stderr) -> None:
    tell_us_alone(text, "%d repositories", TOKENS[0])

    line = text.take()
    assert line.endswith("%d repositories (arguments not shown: TypeError)\n")
    assert not REMAINS.search(line)


# Uncaught exceptions

FAULTS = {
    "in the main thread": "raise RuntimeError(secret)",
    "in another thread": "import threading\ndef f(): raise RuntimeError(secret)\n"
    "t = threading.Thread(target=f)\nt.start()\nt.join()",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_uncaught_exception_is_logged_without_secrets(fault: str) -> None:
    program = (
        "from common.log import Redactor, configure\n"
        "from common.settings import Settings\n"
        "secret = 'marked-' + 'key'\n"
        "configure(Settings(api_key=secret, _env_file=None))\n" + fault
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "ended by an uncaught exception\n  Traceback" in ended.stderr
    assert "RuntimeError: ***" in ended.stderr
    assert "marked-key" not in ended.stderr
