"""Logs: one line per thing that a person would want to know.

A line is plain text, or one JSON object where ``LOG_FORMAT=json``; either carries the id of the
request or task it belongs to. Two things never reach it, whoever wrote the text: a secret (those of
the settings by their value, others by their look), and a character that would break the line or
steer a terminal.
"""

import base64
import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from pydantic import SecretStr

from common.settings import LogFormat, Settings

log = logging.getLogger(__name__)

_subject: ContextVar[str | None] = ContextVar("subject", default=None)

_SECRET = re.compile(
    r"gh[pousr]_\w+|github_pat_\w+|(?<=Bearer )\S+|(?<=Basic )\S+|(?<=://)[^/\s@]*:[^/\s@]+(?=@)"
    r"|eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)

_SHORTEST_SECRET = 6
"""Characters; to strike out every ``demo`` would spoil the log and say what the password is."""

_secrets: set[str] = set()
_known = re.compile(r"(?!)")
"""What matches any of the secrets."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What ends a line, steers a terminal, turns the direction of text, or is no character."""


def redact(text: str) -> str:
    """Strike out secrets, and user and password of an address."""
    return _SECRET.sub("***", _known.sub("***", text))


def register_secret(*values: str) -> None:
    """Strike these out of every line from now on, also as an address or a header would spell them.

    A value of less than six characters is left in: no secret is that short.
    """
    global _known  # noqa: PLW0603 - one log a process
    for value in map(str.strip, values):
        if len(value) < _SHORTEST_SECRET:
            continue
        encoded = base64.b64encode(value.encode(errors="replace")).decode().rstrip("=")
        _secrets.update({value, repr(value)[1:-1], json.dumps(value)[1:-1], encoded})
        _secrets.update({quote(value, errors="replace"), quote(value, "", errors="replace")})
        _secrets.add(quote_plus(value, errors="replace"))
    # The longest first: one secret may begin like another.
    _known = re.compile(
        "|".join(map(re.escape, sorted(_secrets, key=len, reverse=True))) or r"(?!)"
    )


def _secrets_of(settings: Settings) -> Iterator[str]:
    for _, value in settings:
        if not isinstance(value, SecretStr):
            continue
        secret = value.get_secret_value().strip()
        if "-----BEGIN" in secret:
            # A traceback may show it line by line.
            lines = secret.replace("\\n", "\n").split("\n")
            yield from (line for line in lines if "-----" not in line)
        elif "://" in secret:
            yield from _passwords(secret)
        else:
            yield secret
            # Of user and password, the second part.
            yield secret.partition(":")[2]


def _passwords(address: str) -> Iterable[str]:
    """Return the password of an address as it is written there, and as it is sent."""
    user, _, password = address.partition("://")[2].rpartition("@")[0].partition(":")
    # A password that is the user's name is none, and that word is in many lines.
    return () if password == user else (password, unquote(password))


def _visible(text: str) -> str:
    """Show control characters as Python writes them; a line break becomes a space."""
    line = re.sub(r"\s*[\r\n]\s*", " ", text).strip()
    return _CONTROL.sub(_escaped, line)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _told(record: logging.LogRecord) -> str:
    """Return a record's message; a mistake in the call of the logger must not lose the line."""
    try:
        return redact(record.getMessage())
    except Exception as error:  # noqa: BLE001 - whatever the arguments do when they are shown
        return redact(f"{record.msg} (arguments not shown: {type(error).__name__})")


@contextmanager
def log_context(subject: str) -> Iterator[None]:
    """Mark every line logged inside as belonging to one request or task."""
    token = _subject.set(subject)
    try:
        yield
    finally:
        _subject.reset(token)


class _TextFormatter(logging.Formatter):
    """``2026-11-23 00:05:01Z INFO    worker.collect: … [task 3f2a]``.

    A traceback follows with each of its lines set in, so that none passes for a line of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        subject = _subject.get()
        line = (
            f"{moment:%Y-%m-%d %H:%M:%S}Z {record.levelname:<7} {record.name}:"
            f" {_visible(_told(record))}" + (f" [{_visible(subject)}]" if subject else "")
        )
        if record.exc_info:
            told = redact(self.formatException(record.exc_info))
            line += "".join(f"\n  {_CONTROL.sub(_escaped, part)}" for part in told.split("\n"))
        return line


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _told(record),
        }
        if subject := _subject.get():
            entry["subject"] = subject
        if record.exc_info:
            entry["exception"] = redact(self.formatException(record.exc_info))
        # What JSON lets through, and a terminal does not.
        return _CONTROL.sub(_escaped, json.dumps(entry, ensure_ascii=False))


def configure(settings: Settings) -> None:
    """Send every log line of this process to stderr in the format that the settings ask for.

    The secrets of the settings are struck out from then on, also of what ends the process.
    """
    register_secret(*_secrets_of(settings))
    sys.excepthook = _log_fault
    threading.excepthook = _log_fault_of_thread
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonFormatter() if settings.log_format is LogFormat.JSON else _TextFormatter()
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # These tell of each request or message at INFO: noise here, and httpx prints whole addresses.
    for name in (
        "alembic",
        "celery.app.trace",
        "celery.beat",
        "celery.worker.strategy",
        "httpx",
        "httpcore",
        "kombu",
    ):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _log_fault(kind: type[BaseException], fault: BaseException, trace: Any) -> None:
    """Log what nobody caught: Python itself would print it as it is."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("stopped by a fault", exc_info=(kind, fault, trace))


def _log_fault_of_thread(fault: threading.ExceptHookArgs) -> None:
    if fault.exc_value is not None and not issubclass(fault.exc_type, SystemExit):
        log.critical(
            "a thread was stopped by a fault",
            exc_info=(fault.exc_type, fault.exc_value, fault.exc_traceback),
        )
