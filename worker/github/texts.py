"""The texts in GitHub's answers."""

import json
from typing import Any

from common.log import redact
from worker.github.observation import clean_text


def parse_json(body: bytes) -> Any:
    """Return the content of a body, or None if it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def read_message(parsed: Any) -> str:
    """Return GitHub's message, or an empty text."""
    message = parsed.get("message") if isinstance(parsed, dict) else None
    return message if isinstance(message, str) else ""


def shorten(message: str) -> str:
    """Return a text of GitHub's as part of a reason, fit to be stored, shown and logged."""
    line = redact(clean_text(message))
    return line if len(line) <= 200 else line[:199] + "…"


def read_block_reason(parsed: Any) -> str | None:
    """Return why GitHub blocks a repository, or None if it does not."""
    block = parsed.get("block") if isinstance(parsed, dict) else None
    if not isinstance(block, dict):
        return None
    reason = block.get("reason")
    return f"GitHub blocks it: {shorten(reason) if isinstance(reason, str) else 'no reason given'}"
