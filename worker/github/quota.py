"""What an answer of GitHub's says about the quota and its limits, and how long to wait."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_MAX_LIMIT = 10**9
"""Requests an hour; far more than GitHub gives to any credential."""

_MAX_WINDOW = 3660.0
"""Seconds. A window is an hour; a longer one comes from a wrong clock or header."""

_MAX_WAIT = 86400.0


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a credential's hour for one resource (``core``, ``graphql``).

    :param resets_in: seconds, by GitHub's own clock, so that a host's wrong clock does no harm
    """

    resource: str
    limit: int
    remaining: int
    resets_in: float


def read_quota(headers: Mapping[str, str], resource: str = "core") -> Quota | None:
    """Return what the rate headers say; None if they are absent or absurd.

    :param resource: the requested resource, in case the headers do not name it
    """
    try:
        reset = float(headers["x-ratelimit-reset"])
        limit, remaining = (int(headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining"))
    except (KeyError, ValueError):
        return None
    return _quota(headers.get("x-ratelimit-resource", resource), limit, remaining, reset, headers)


def read_graphql_quota(parsed: Any, headers: Mapping[str, str]) -> Quota | None:
    """Return the smaller quota of the headers and of the ``rateLimit`` in the body."""
    quotas = [read_quota(headers, "graphql"), _quota_in_body(parsed, headers)]
    return min(filter(None, quotas), key=lambda quota: quota.remaining, default=None)


def _quota_in_body(parsed: Any, headers: Mapping[str, str]) -> Quota | None:
    data = parsed.get("data") if isinstance(parsed, dict) else None
    rate_limit = data.get("rateLimit") if isinstance(data, dict) else None
    if not isinstance(rate_limit, dict):
        return None
    try:
        reset = datetime.fromisoformat(rate_limit["resetAt"]).timestamp()
        limit, remaining = int(rate_limit["limit"]), int(rate_limit["remaining"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return _quota("graphql", limit, remaining, reset, headers)


def _quota(
    resource: str, limit: int, remaining: int, reset: float, headers: Mapping[str, str]
) -> Quota | None:
    if not 0 < limit <= _MAX_LIMIT or not 0 <= remaining <= limit or not math.isfinite(reset):
        return None
    resets_in = min(max(reset - _now(headers), 0.0), _MAX_WINDOW)
    return Quota(resource, limit, remaining, resets_in)


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the Retry-After header asks to wait, or None."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - _now(headers)
        except (ValueError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, 1.0), _MAX_WAIT)


def read_date(headers: Mapping[str, str]) -> float | None:
    """Return GitHub's own time of the answer in epoch seconds, or None."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def read_token_expiry(headers: Mapping[str, str]) -> float | None:
    """Return when the token that was sent expires, epoch seconds; None if GitHub does not say.

    GitHub writes ``2026-12-12 10:00:00 UTC``, or an offset such as ``-0400`` instead of ``UTC``.
    """
    value = headers.get("github-authentication-token-expiration", "").strip()
    try:
        moment = datetime.fromisoformat(value.replace(" UTC", "+00:00").replace(" ", "T", 1))
    except ValueError:
        try:
            moment = datetime.strptime(value, "%Y-%m-%d %H:%M:%S %z")
        except ValueError:
            return None
    return moment.timestamp() if moment.tzinfo else None


_SECONDARY = ("secondary rate limit", "abuse detection")
_PRIMARY = ("api rate limit exceeded", "api rate limit already exceeded")


def is_secondary(message: str) -> bool:
    """Return whether a text of GitHub's names a secondary limit."""
    return any(text in message.lower() for text in _SECONDARY)


def is_primary(message: str) -> bool:
    """Return whether a text of GitHub's says that an hour is used up."""
    return any(text in message.lower() for text in _PRIMARY)


def limit_in(body: bytes) -> str:
    """Return the text that names a limit in a body that is no JSON, such as a part of one."""
    text = body.decode(errors="replace").lower()
    return next((limit for limit in (*_SECONDARY, *_PRIMARY) if limit in text), "")


def _now(headers: Mapping[str, str]) -> float:
    """Return GitHub's time of the answer, or this host's if the answer has none."""
    date = read_date(headers)
    return datetime.now(UTC).timestamp() if date is None else date
