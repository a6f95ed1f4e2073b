"""Logs: one line per event, as plain text or, with ``LOG_FORMAT=json``, as a JSON object.

A line carries the id of the request or task to which it belongs. Two things are removed from every
line: secrets (those of the settings by value, others by pattern), and characters that would break
the line or control a terminal.
"""

import base64
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from pydantic import SecretStr

from common.redis_address import passwords
from common.settings import LogFormat, Settings

log = logging.getLogger(__name__)

_context: ContextVar[str | None] = ContextVar("log_context", default=None)

_SECRET = re.compile(
    r"gh[pousr]_\w+|github_pat_\w+|(?<=Bearer )\S+|(?<=Basic )\S+|(?<=://)[^/\s@]*:[^/\s@]+(?=@)"
    r"|eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)

_SHORTEST_SECRET = 6
"""Characters. To redact a password such as ``demo`` would spoil the log and reveal it."""

_DEFAULT_PASSWORD = "repopulse"  # noqa: S105
"""The compose file's, which everyone may read. The names of all tasks begin with the same word."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that end a line, control a terminal, reverse the text, or are not valid Unicode."""


class Redactor:
    """Replaces known secrets in text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern = re.compile(r"(?!)")

    def add(self, *values: str) -> None:
        """Redact values from now on, also as URLs and headers encode them.

        A value of less than six characters is not redacted, nor is the compose file's password.
        """
        for value in map(str.strip, values):
            if len(value) < _SHORTEST_SECRET or value == _DEFAULT_PASSWORD:
                continue
            encoded = base64.b64encode(value.encode(errors="replace")).decode().rstrip("=")
            self._secrets.update({value, repr(value)[1:-1], json.dumps(value)[1:-1], encoded})
            self._secrets.add(quote(value, errors="replace"))
            self._secrets.add(quote(value, "", errors="replace"))
            self._secrets.add(quote_plus(value, errors="replace"))
        # The longest first, since one secret may be the beginning of another.
        self._pattern = re.compile(
            "|".join(map(re.escape, sorted(self._secrets, key=len, reverse=True))) or r"(?!)"
        )

    def redact(self, text: str) -> str:
        """Return the text with ``***`` in place of secrets and of the credentials in URLs."""
        return _SECRET.sub("***", self._pattern.sub("***", text))


redactor = Redactor()
"""The secrets of this process."""


def redact(text: str) -> str:
    """Return the text with ``***`` in place of secrets and of the credentials in URLs."""
    return redactor.redact(text)


def register_secret(*values: str) -> None:
    """Redact values in every line of the log from now on."""
    redactor.add(*values)


def _secrets_of(settings: Settings) -> Iterator[str]:
    for name, value in settings:
        # A password of its own is in the URL, if it is used.
        if not isinstance(value, SecretStr) or name.endswith("_password"):
            continue
        secret = value.get_secret_value().strip()
        if "-----BEGIN" in secret:
            # A traceback may show the key line by line.
            lines = secret.replace("\\n", "\n").split("\n")
            yield from (line for line in lines if "-----" not in line)
        elif "://" in secret:
            # Encoded as in the URL, and decoded.
            for password in passwords(secret):
                yield from (password, unquote(password))
        else:
            yield secret
            # The password of user:password.
            yield secret.partition(":")[2]


def _printable(text: str) -> str:
    """Escape control characters as Python does; replace a line break by a space."""
    line = re.sub(r"\s*[\r\n]\s*", " ", text).strip()
    return _CONTROL.sub(_escape, line)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _message(record: logging.LogRecord) -> str:
    """Return a record's message, even if the arguments do not fit the format."""
    try:
        return redact(record.getMessage())
    except Exception as error:  # noqa: BLE001 - arguments may raise anything when formatted
        return redact(f"{record.msg} (arguments not shown: {type(error).__name__})")


def current_context() -> str | None:
    """Return the request or task of ``log_context``, or None outside."""
    return _context.get()


@contextmanager
def log_context(context: str) -> Iterator[None]:
    """Add the request or task to every line logged inside."""
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


class _TextFormatter(logging.Formatter):
    """``2026-11-23 00:05:01Z INFO    worker.collect: … [task 3f2a]``.

    A traceback follows, indented, so that its lines cannot pass for log lines.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        context = current_context()
        line = (
            f"{moment:%Y-%m-%d %H:%M:%S}Z {record.levelname:<7} {record.name}:"
            f" {_printable(_message(record))}" + (f" [{_printable(context)}]" if context else "")
        )
        if record.exc_info:
            traceback = redact(self.formatException(record.exc_info))
            line += "".join(f"\n  {_CONTROL.sub(_escape, part)}" for part in traceback.split("\n"))
        return line


class _JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if context := current_context():
            entry["subject"] = context
        if record.exc_info:
            entry["exception"] = redact(self.formatException(record.exc_info))
        # JSON allows some characters that control a terminal.
        return _CONTROL.sub(_escape, json.dumps(entry, ensure_ascii=False))


def configure(settings: Settings) -> None:
    """Send the log of this process to stderr, in the format of the settings.

    From now on the secrets of the settings are redacted, also in the traceback of an uncaught
    exception.
    """
    register_secret(*_secrets_of(settings))
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonFormatter() if settings.log_format is LogFormat.JSON else _TextFormatter()
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # These log each request or message at INFO, and httpx logs whole URLs.
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


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Log an uncaught exception, which Python would print unredacted."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("process ended by an uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        log.critical(
            "thread ended by an uncaught exception",
            exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
        )
