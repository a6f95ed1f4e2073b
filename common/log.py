"""Logs: one line per thing that a person would want to know.

A line is plain text, or one JSON object where ``LOG_FORMAT=json``; either carries the id of the
request or task it belongs to. Whatever looks like a GitHub token, and the password in an address,
is struck out on the way.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from common.settings import LogFormat, Settings

_subject: ContextVar[str | None] = ContextVar("subject", default=None)

_SECRET = re.compile(r"gh[pousr]_\w+|github_pat_\w+|(?<=Bearer )\S+|(?<=://)[^/\s@]*:[^/\s@]+(?=@)")


def redact(text: str) -> str:
    """Strike out tokens, and user and password of an address."""
    return _SECRET.sub("***", text)


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Mark every line logged inside as belonging to one request or task."""
    token = _subject.set(subject)
    try:
        yield
    finally:
        _subject.reset(token)


class _TextFormatter(logging.Formatter):
    """``2026-11-23 00:05:01Z INFO    worker.collect: … [task 3f2a]``."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        subject = _subject.get()
        line = (
            f"{moment:%Y-%m-%d %H:%M:%S}Z {record.levelname:<7} {record.name}:"
            f" {record.getMessage()}" + (f" [{subject}]" if subject else "")
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if subject := _subject.get():
            entry["subject"] = subject
        if record.exc_info:
            entry["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def configure(settings: Settings) -> None:
    """Send every log line of this process to stderr in the format that the settings ask for."""
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
