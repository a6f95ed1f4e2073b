"""The meaning of GitHub's answers: each is exactly one of ten things.

::

    meaning              such answers                          what happens next
    -------------------  ------------------------------------  ----------------------------------
    data                 200 and 201 with JSON                 used
    partial data         GraphQL: data beside errors           good parts used; the rest asked for
                                                               in other ways, or missing with its
                                                               reason
    unchanged            304                                   what is known holds
    moved                301, 302, 307, 308                    one hop, on the same host alone
    gone or hidden       404; GraphQL NOT_FOUND without data   asked in another way, or once more;
                                                               then no rows
    blocked              451; 403 with ``block``, for single   the reason is kept; other ways are
                         sign-on, or any other; GraphQL        tried where there are any
                         FORBIDDEN without data
    limited until t      429; 200 or 403 that speaks of a      nobody asks before t: for this
                         limit, has ``retry-after`` or         resource where its hour is used up,
                         nothing left; GraphQL RATE_LIMITED    for any where it was a secondary
                         and RATE_LIMIT                        limit; scans wait in Postgres
    try again            no connection, cut or foreign bodies  once at once, then later
                         5xx, timeouts, GraphQL timeouts and   for less, where less can be asked
                         RESOURCE_LIMITS_EXCEEDED              for; never the same at once
    credentials refused  401                                   once: again at once; twice: nothing
                                                               until they change
    our query is wrong   400, 410, 422 and other 4xx; GraphQL  told as an error of ours, once
                         that was not executed

The body decides before the headers do: limits come with quota left and good answers come with none
(octokit/plugin-throttling.js#632, port-labs/ocean#3526), and not every 403 is a limit. The texts
are matched anywhere in the message: GitHub has lengthened them more than once.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from common.log import redact
from worker.github import errors
from worker.github.observation import clean_text


class Meaning(StrEnum):
    """What an answer is; the module's docstring draws the table."""

    DATA = "data"
    PARTIAL = "partial data"
    UNCHANGED = "unchanged"
    MOVED = "moved"
    GONE = "gone or hidden"
    BLOCKED = "blocked"
    LIMITED = "limited"
    TRY_AGAIN = "try again"
    CREDENTIALS_REFUSED = "credentials refused"
    QUERY_WRONG = "our query is wrong"


@dataclass(frozen=True, slots=True)
class Quota:
    """What GitHub says is left of a credential's hour for one resource (``core``, ``graphql``)."""

    resource: str
    limit: int
    remaining: int
    resets_in: float
    """Seconds, by GitHub's own clock, so that a host's wrong clock does no harm."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """A part of a GraphQL answer that is missing, and why."""

    kind: str
    path: tuple[str | int, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of GitHub's, understood."""

    meaning: Meaning
    data: Any = None
    reason: str = ""
    wait: float | None = None
    """For ``LIMITED``: seconds to wait as GitHub said, or None where it did not say."""
    of_resource: bool = False
    """For ``LIMITED``: this resource's hour is used up; the other resource may be asked."""
    ask_for_less: bool = False
    """For ``TRY_AGAIN``: the same question would fail the same way."""
    location: str | None = None
    """For ``MOVED``: the new address."""
    next_page: str | None = None
    field_errors: tuple[FieldError, ...] = ()
    quota: Quota | None = field(default=None, compare=False)
    moment: float | None = field(default=None, compare=False)
    """GitHub's own time of the answer, epoch seconds, where it told it."""

    def usable(self) -> Any:
        """Return the data, or raise the error that this answer means.

        :raise errors.GitHubError: for every meaning other than data and partial data
        """
        match self.meaning:
            case Meaning.DATA | Meaning.PARTIAL:
                return self.data
            case Meaning.LIMITED:
                raise errors.Limited(self.reason, self.wait if self.wait is not None else 60.0)
            case Meaning.TRY_AGAIN | Meaning.UNCHANGED:
                raise errors.TryAgain(self.reason, ask_for_less=self.ask_for_less)
            case Meaning.GONE:
                raise errors.Gone(self.reason)
            case Meaning.BLOCKED:
                raise errors.Blocked(self.reason)
            case Meaning.CREDENTIALS_REFUSED:
                raise errors.CredentialsRefused(self.reason)
            case Meaning.MOVED | Meaning.QUERY_WRONG:
                raise errors.QueryWrong(self.reason)


def read_rest(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Say what a REST answer means.

    :param headers: with lower-case names
    """
    answer = _read_rest(status, headers, body)
    return replace(answer, quota=read_quota(headers), moment=_moment(headers))


def read_graphql(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Say what an answer of the GraphQL endpoint means."""
    parsed = _parse(body)
    answer = _read_graphql(status, headers, parsed)
    told = [read_quota(headers, "graphql"), _told_quota(parsed, headers)]
    # Where header and body differ, the one that says that less is left.
    quota = min(filter(None, told), key=lambda quota: quota.remaining, default=None)
    return replace(answer, quota=quota, moment=_moment(headers))


def read_quota(headers: Mapping[str, str], resource: str = "core") -> Quota | None:
    """Return what the rate headers say, or None where they are absent or absurd.

    :param resource: the one that was asked for, where the headers do not name it
    """
    try:
        reset = float(headers["x-ratelimit-reset"])
        limit, remaining = (int(headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining"))
    except (KeyError, ValueError):
        return None
    return _quota(headers.get("x-ratelimit-resource", resource), limit, remaining, reset, headers)


def _quota(
    resource: str, limit: int, remaining: int, reset: float, headers: Mapping[str, str]
) -> Quota | None:
    if not 0 < limit <= _LARGEST_LIMIT or not 0 <= remaining <= limit or not math.isfinite(reset):
        return None
    # A window is an hour; what lies outside is a clock or a header gone wrong.
    resets_in = min(max(reset - _github_time(headers), 0.0), 3660.0)
    return Quota(resource, limit, remaining, resets_in)


def _moment(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def _github_time(headers: Mapping[str, str]) -> float:
    """Return GitHub's time of the answer; ours where it does not say."""
    moment = _moment(headers)
    return datetime.now(UTC).timestamp() if moment is None else moment


def _read_rest(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    if status in (301, 302, 307, 308):
        location = headers.get("location", "")
        if not location:
            return Answer(Meaning.TRY_AGAIN, reason="redirected to nowhere")
        return Answer(Meaning.MOVED, reason="moved", location=location)
    if status == 304:
        return Answer(Meaning.UNCHANGED, reason="unchanged")
    parsed = _parse(body)
    refusal = _refusal(status, headers, parsed)
    if refusal is not None:
        return refusal
    if status in (200, 201) and isinstance(parsed, dict | list):
        next_page = _next_page(headers.get("link", ""))
        return Answer(Meaning.DATA, data=parsed, next_page=next_page)
    return _unusable(status)


def _read_graphql(status: int, headers: Mapping[str, str], parsed: Any) -> Answer:
    if isinstance(parsed, dict) and isinstance(parsed.get("errors"), list) and parsed["errors"]:
        # Before the status: GitHub sends the same errors with 200, 403 and 502.
        answer = _read_errors(parsed, headers)
        if answer.meaning is not Meaning.QUERY_WRONG or status == 200:
            return answer
    refusal = _refusal(status, headers, parsed)
    if refusal is not None:
        return refusal
    if isinstance(parsed, dict) and isinstance(parsed.get("data"), dict):
        return Answer(Meaning.DATA, data=parsed["data"])
    return _unusable(status)


def _unusable(status: int) -> Answer:
    return Answer(Meaning.TRY_AGAIN, reason=f"HTTP {status} without usable JSON")


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _message(parsed: Any) -> str:
    message = parsed.get("message") if isinstance(parsed, dict) else None
    return message if isinstance(message, str) else ""


def _short(message: str) -> str:
    """Return a text of GitHub's as part of a reason: it is stored, sent on, and logged."""
    line = redact(clean_text(message))
    return line if len(line) <= 200 else line[:199] + "…"


_SECONDARY = ("secondary rate limit", "abuse detection")
_PRIMARY = ("api rate limit exceeded", "api rate limit already exceeded")


def _is_secondary(message: str) -> bool:
    return any(text in message.lower() for text in _SECONDARY)


def _is_primary(message: str) -> bool:
    return any(text in message.lower() for text in _PRIMARY)


def _limited(headers: Mapping[str, str], message: str) -> Answer:
    """Say until when to wait, in the order that GitHub's documentation gives."""
    reason = _short(message) or "rate limit"
    wait = _retry_after(headers)
    if wait is not None:
        return Answer(Meaning.LIMITED, reason=reason, wait=wait)
    quota = read_quota(headers)
    if quota is None or (quota.remaining > 0 and not _is_primary(message)):
        return Answer(Meaning.LIMITED, reason=reason)
    return Answer(
        Meaning.LIMITED,
        reason=reason,
        # One second more: the new window begins when the old one has ended, not a moment before.
        wait=quota.resets_in + 1,
        of_resource=_is_primary(message),
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - _github_time(headers)
        except (ValueError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, 1.0), 86400.0)


def _refusal(status: int, headers: Mapping[str, str], parsed: Any) -> Answer | None:
    """Say what an answer means that carries no data; None for one that may."""
    message = _message(parsed)
    if _is_secondary(message) or _is_primary(message) or status == 429:
        return _limited(headers, message)
    if status < 400:
        return None
    reason = f"HTTP {status}" + (f": {_short(message)}" if message else "")
    if status >= 500:
        return Answer(Meaning.TRY_AGAIN, reason=reason, ask_for_less=True)
    match status:
        case 401:
            return Answer(Meaning.CREDENTIALS_REFUSED, reason=reason)
        case 403:
            return _forbidden(headers, parsed, reason)
        case 404:
            return Answer(Meaning.GONE, reason=reason)
        case 408:
            return Answer(Meaning.TRY_AGAIN, reason=reason, ask_for_less=True)
        case 451:
            return Answer(Meaning.BLOCKED, reason=_block_reason(parsed) or reason)
        case _:
            return Answer(Meaning.QUERY_WRONG, reason=reason)


def _forbidden(headers: Mapping[str, str], parsed: Any, reason: str) -> Answer:
    """Tell a limit from a refusal: not every 403 is a limit."""
    if block := _block_reason(parsed):
        return Answer(Meaning.BLOCKED, reason=block)
    if "x-github-sso" in headers:
        return Answer(Meaning.BLOCKED, reason="the owner asks for single sign-on")
    quota = read_quota(headers)
    if "retry-after" in headers or (quota is not None and quota.remaining == 0):
        return _limited(headers, _message(parsed))
    if not isinstance(parsed, dict):
        return Answer(Meaning.TRY_AGAIN, reason=reason)
    return Answer(Meaning.BLOCKED, reason=reason)


def _block_reason(parsed: Any) -> str | None:
    block = parsed.get("block") if isinstance(parsed, dict) else None
    if not isinstance(block, dict):
        return None
    told = block.get("reason")
    return f"GitHub blocks it: {_short(told) if isinstance(told, str) else 'no reason given'}"


def _next_page(link: str) -> str | None:
    """Return the address with ``rel="next"`` of a Link header."""
    for part in link.split(","):
        address, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return address.strip().removeprefix("<").removesuffix(">")
    return None


_LARGEST_LIMIT = 10**9
"""Requests an hour; ten thousand times what GitHub gives to anybody."""

_LIMIT_KINDS = {"RATE_LIMITED", "RATE_LIMIT"}
_HEAVY_KINDS = {"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "ARGUMENT_LIMIT"}
_HEAVY_TEXTS = (
    "something went wrong while executing",
    "timedout",
    "timeout",
    "respond to your request in time",
)
_PART_KINDS = {"NOT_FOUND", "FORBIDDEN", "INSUFFICIENT_SCOPES", "UNPROCESSABLE"}


def _read_errors(parsed: dict[str, Any], headers: Mapping[str, str]) -> Answer:
    data = parsed.get("data")
    faults = [fault for fault in parsed["errors"] if isinstance(fault, dict)]
    for fault in faults:
        message = _message(fault)
        if (
            _kind(fault) in _LIMIT_KINDS
            or fault.get("code") == "graphql_rate_limit"
            or _is_primary(message)
            or _is_secondary(message)
        ):
            # An error of type RATE_LIMITED is a primary limit whatever its text.
            return _limited(
                headers,
                message if _is_secondary(message) else f"API rate limit exceeded: {message}",
            )
    for fault in faults:
        message = _message(fault)
        if _kind(fault) in _HEAVY_KINDS or any(text in message.lower() for text in _HEAVY_TEXTS):
            return Answer(Meaning.TRY_AGAIN, reason=_short(message), ask_for_less=True)
    reason = _short("; ".join(dict.fromkeys(_message(fault) for fault in faults)))
    if isinstance(data, dict) and any(
        isinstance(value, dict | list) for name, value in data.items() if name != "rateLimit"
    ):
        return Answer(Meaning.PARTIAL, data=data, reason=reason, field_errors=_field_errors(faults))
    kinds = {_kind(fault) for fault in faults}
    if "NOT_FOUND" in kinds:
        return Answer(Meaning.GONE, reason=reason, field_errors=_field_errors(faults))
    if kinds & _PART_KINDS:
        return Answer(Meaning.BLOCKED, reason=reason, field_errors=_field_errors(faults))
    if _message(parsed).lower() == "bad credentials" or reason.lower() == "bad credentials":
        return Answer(Meaning.CREDENTIALS_REFUSED, reason=reason)
    if "data" in parsed:
        # It was executed, so it was understood.
        return Answer(Meaning.TRY_AGAIN, reason=reason or "GraphQL errors", ask_for_less=True)
    return Answer(Meaning.QUERY_WRONG, reason=reason or "GraphQL errors without text")


def _kind(fault: dict[str, Any]) -> str:
    kind = fault.get("type")
    return (_short(kind) if isinstance(kind, str) else "") or "UNKNOWN"


def _field_errors(faults: list[dict[str, Any]]) -> tuple[FieldError, ...]:
    return tuple(
        FieldError(
            kind=_kind(fault),
            path=_path(fault.get("path")),
            message=_short(_message(fault)),
        )
        for fault in faults
    )


def _path(told: Any) -> tuple[str | int, ...]:
    parts = told if isinstance(told, list) else []
    return tuple(part for part in parts if isinstance(part, str | int))


def _told_quota(parsed: Any, headers: Mapping[str, str]) -> Quota | None:
    """Return what the answer's own ``rateLimit`` says."""
    data = parsed.get("data") if isinstance(parsed, dict) else None
    told = data.get("rateLimit") if isinstance(data, dict) else None
    if not isinstance(told, dict):
        return None
    try:
        reset = datetime.fromisoformat(told["resetAt"]).timestamp()
        limit, remaining = int(told["limit"]), int(told["remaining"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return _quota("graphql", limit, remaining, reset, headers)
