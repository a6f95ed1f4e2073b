"""What GitHub's answers mean: each is exactly one of ten things.

::

    meaning              such answers                          what happens next
    -------------------  ------------------------------------  ----------------------------------
    data                 200 and 201 with JSON                 used
    partial data         GraphQL: data beside errors           good parts are used; the rest is
                                                               fetched in other ways, or missing
                                                               with its reason
    unchanged            304                                   what is known is still true
    moved                301, 302, 307, 308                    one hop, on the same host only
    gone or hidden       404; GraphQL NOT_FOUND without data   requested in another way, or again;
                                                               then no rows
    blocked              451; 403 with ``block``, for single   the reason is kept; other ways are
                         sign-on, or any other; GraphQL        tried if there are any: anonymous
                         FORBIDDEN without data                requests for an owner's policy
    limited until t      429; 200 or 403 that names a limit,   no request before t: for this
                         has ``retry-after`` or nothing left;  resource if its hour is used up, for
                         5xx with ``retry-after``; a 403       any after a secondary limit; scans
                         without its body; GraphQL             wait in Postgres
                         RATE_LIMITED and RATE_LIMIT
    try again            no connection, cut or foreign bodies  once at once, then later
                         404 without JSON; of GraphQL any 404
                         5xx, timeouts, GraphQL timeouts and   with a smaller request, if possible;
                         RESOURCE_LIMITS_EXCEEDED              never the same one at once
    credentials refused  401                                   once: again at once; twice: no
                                                               requests until they change
    our query is wrong   400, 410, 422 and other 4xx; GraphQL  logged as our error, once
                         that was not executed

Of all these only a block is for good: whatever else keeps counts from us can pass, and a scan is
tried again until its day ends. ``shortfall`` and ``FieldError.can_pass`` are that rule.

The body decides before the headers do: limits come with quota left and good answers come with none
(octokit/plugin-throttling.js#632, port-labs/ocean#3526), and not every 403 is a limit. The texts
are matched anywhere in the message: GitHub has lengthened them more than once.

Of an answer whose body broke, the status and the headers count as of any other, and a limit's text
in the part that came. Its data does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from worker.github import errors, policies
from worker.github.observation import Shortfall, read_etag, read_next_page
from worker.github.quota import (
    Quota,
    is_primary,
    is_secondary,
    limit_in,
    read_date,
    read_graphql_quota,
    read_quota,
    read_retry_after,
    read_token_expiry,
)
from worker.github.texts import parse_json, read_block_reason, read_message, shorten


class Meaning(StrEnum):
    """What an answer means; the table is in the module's docstring."""

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
class FieldError:
    """Why a part of a GraphQL answer is missing."""

    kind: str
    path: tuple[str | int, ...]
    message: str
    is_policy: bool = False
    """The owner's policy refuses our credential."""

    @property
    def can_pass(self) -> bool:
        """Whether a later attempt may succeed: GitHub did not refuse this part for good."""
        return self.kind not in _REFUSAL_KINDS


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of GitHub's, and what it means.

    :param wait: for ``LIMITED``, seconds to wait as GitHub said; None if it did not say
    :param of_resource: for ``LIMITED``, only this resource's hour is used up
    :param ask_for_less: for ``TRY_AGAIN``, the same request would fail the same way
    :param is_policy: for ``BLOCKED``, the owner's policy refuses our credential
    :param location: for ``MOVED``, the new address
    :param etag: with which the same can be requested again, if it has changed
    :param date: GitHub's own time of the answer, epoch seconds
    :param token_expires: when the token that was sent expires, epoch seconds
    :param trace: HTTP status and GitHub's request id, for the log
    """

    meaning: Meaning
    data: Any = None
    reason: str = ""
    wait: float | None = None
    of_resource: bool = False
    ask_for_less: bool = False
    is_policy: bool = False
    location: str | None = None
    next_page: str | None = None
    field_errors: tuple[FieldError, ...] = ()
    etag: str | None = None
    quota: Quota | None = field(default=None, compare=False)
    date: float | None = field(default=None, compare=False)
    token_expires: float | None = field(default=None, compare=False)
    trace: str = field(default="", compare=False)

    def usable(self) -> Any:
        """Return the data, or raise the error that this answer means.

        :raise errors.GitHubError: for every meaning other than data and partial data
        """
        if self.meaning in (Meaning.DATA, Meaning.PARTIAL):
            return self.data
        raise self._error()

    def _error(self) -> errors.GitHubError:
        match self.meaning:
            case Meaning.LIMITED:
                wait = self.wait if self.wait is not None else 60.0
                return errors.Limited(self.reason, wait, trace=self.trace)
            case Meaning.GONE:
                return errors.Gone(self.reason, trace=self.trace)
            case Meaning.BLOCKED if self.is_policy:
                return errors.PolicyRefusal(self.reason, trace=self.trace)
            case Meaning.BLOCKED:
                return errors.Blocked(self.reason, trace=self.trace)
            case Meaning.CREDENTIALS_REFUSED:
                return errors.CredentialsRefused(self.reason, trace=self.trace)
            case Meaning.MOVED | Meaning.QUERY_WRONG:
                return errors.QueryWrong(self.reason, trace=self.trace)
            case _:
                return errors.TryAgain(
                    self.reason, ask_for_less=self.ask_for_less, trace=self.trace
                )


def shortfall(error: errors.GitHubError, *, of: str = "") -> Shortfall:
    """Return an error as the reason why something is missing.

    :param of: what is missing, if the error does not say so
    """
    reason = f"{of}: {error}" if of else str(error)
    return Shortfall(reason, can_pass=not isinstance(error, errors.Blocked))


def read_rest(
    status: int, headers: Mapping[str, str], body: bytes, *, is_cut: bool = False
) -> Answer:
    """Return what a REST answer means.

    :param headers: with lower-case names
    :param is_cut: the body broke; ``body`` is the part that came
    """
    return replace(
        _without_cut_data(_read_rest(status, headers, body, is_cut=is_cut), is_cut=is_cut),
        quota=read_quota(headers),
        date=read_date(headers),
        token_expires=read_token_expiry(headers),
        trace=_trace(status, headers),
    )


def read_graphql(
    status: int, headers: Mapping[str, str], body: bytes, *, is_cut: bool = False
) -> Answer:
    """Return what an answer of the GraphQL endpoint means.

    :param headers: with lower-case names
    :param is_cut: the body broke; ``body`` is the part that came
    """
    parsed = parse_json(body)
    return replace(
        _without_cut_data(
            _read_graphql(status, headers, parsed, body, is_cut=is_cut), is_cut=is_cut
        ),
        quota=read_graphql_quota(parsed, headers),
        date=read_date(headers),
        token_expires=read_token_expiry(headers),
        trace=_trace(status, headers),
    )


def _without_cut_data(answer: Answer, *, is_cut: bool) -> Answer:
    if is_cut and answer.meaning in (Meaning.DATA, Meaning.PARTIAL):
        return Answer(Meaning.TRY_AGAIN, reason="the answer was cut")
    return answer


def _trace(status: int, headers: Mapping[str, str]) -> str:
    request_id = headers.get("x-github-request-id", "")
    return f"status {status}, request id {shorten(request_id) or 'none'}"


def _read_rest(status: int, headers: Mapping[str, str], body: bytes, *, is_cut: bool) -> Answer:
    if status in (301, 302, 307, 308):
        location = headers.get("location", "")
        if not location:
            return Answer(Meaning.TRY_AGAIN, reason="redirect without Location")
        return Answer(Meaning.MOVED, reason="moved", location=location)
    if status == 304:
        return Answer(Meaning.UNCHANGED, reason="unchanged")
    parsed = parse_json(body)
    refusal = _refusal(status, headers, parsed, body, is_cut=is_cut)
    if refusal is not None:
        return refusal
    if status in (200, 201) and isinstance(parsed, dict | list):
        next_page = read_next_page(headers.get("link", ""))
        etag = read_etag(headers.get("etag", ""))
        return Answer(Meaning.DATA, data=parsed, next_page=next_page, etag=etag)
    return _unusable(status)


def _read_graphql(
    status: int, headers: Mapping[str, str], parsed: Any, body: bytes, *, is_cut: bool
) -> Answer:
    if isinstance(parsed, dict) and isinstance(parsed.get("errors"), list) and parsed["errors"]:
        # Before the status is looked at: GitHub sends the same errors with 200, 403 and 502.
        answer = _read_errors(parsed, headers)
        if answer.meaning is not Meaning.QUERY_WRONG or status == 200:
            return answer
    if status == 404 or 300 <= status < 400:
        # It shows a missing account with 200 and NOT_FOUND, and it redirects nobody.
        reason = f"no GraphQL API at this address (HTTP {status}): check GITHUB_API_URL"
        return Answer(Meaning.TRY_AGAIN, reason=reason)
    refusal = _refusal(status, headers, parsed, body, is_cut=is_cut)
    if refusal is not None:
        return refusal
    if isinstance(parsed, dict) and isinstance(parsed.get("data"), dict):
        return Answer(Meaning.DATA, data=parsed["data"])
    return _unusable(status)


def _unusable(status: int) -> Answer:
    return Answer(Meaning.TRY_AGAIN, reason=f"HTTP {status} without usable JSON")


def _limited(headers: Mapping[str, str], message: str) -> Answer:
    """Return how long to wait, by the rules in the order of GitHub's documentation."""
    reason = shorten(message) or "rate limit"
    wait = read_retry_after(headers)
    if wait is not None:
        return Answer(Meaning.LIMITED, reason=reason, wait=wait)
    quota = read_quota(headers)
    if quota is None or (quota.remaining > 0 and not is_primary(message)):
        return Answer(Meaning.LIMITED, reason=reason)
    return Answer(
        Meaning.LIMITED,
        reason=reason,
        # One second more, so that the new window has begun for certain.
        wait=quota.resets_in + 1,
        of_resource=is_primary(message),
    )


def _refusal(
    status: int, headers: Mapping[str, str], parsed: Any, body: bytes, *, is_cut: bool
) -> Answer | None:
    """Return the meaning of an answer that carries no data; None if it may carry data."""
    message = read_message(parsed)
    if not message and status >= 400:
        message = limit_in(body)
    if is_secondary(message) or is_primary(message) or status == 429:
        return _limited(headers, message)
    if "retry-after" in headers and (status >= 500 or is_cut):
        return _limited(headers, message or f"HTTP {status} with Retry-After")
    if status < 400:
        return None
    reason = f"HTTP {status}" + (f": {shorten(message)}" if message else "")
    if status >= 500:
        return Answer(Meaning.TRY_AGAIN, reason=reason, ask_for_less=True)
    match status:
        case 401:
            return Answer(Meaning.CREDENTIALS_REFUSED, reason=reason)
        case 403:
            return _forbidden(headers, parsed, reason, is_cut=is_cut)
        case 404 if isinstance(parsed, dict) or is_cut:
            return Answer(Meaning.GONE, reason=reason)
        case 404:
            # A page: of a proxy, or of an address that is not the API's.
            return Answer(Meaning.TRY_AGAIN, reason="HTTP 404 without JSON: check GITHUB_API_URL")
        case 408:
            return Answer(Meaning.TRY_AGAIN, reason=reason, ask_for_less=True)
        case 451:
            return Answer(Meaning.BLOCKED, reason=read_block_reason(parsed) or reason)
        case _:
            return Answer(Meaning.QUERY_WRONG, reason=reason)


def _forbidden(headers: Mapping[str, str], parsed: Any, reason: str, *, is_cut: bool) -> Answer:
    """Distinguish a limit from a refusal: not every 403 is a limit."""
    if block := read_block_reason(parsed):
        return Answer(Meaning.BLOCKED, reason=block)
    if "x-github-sso" in headers:
        return Answer(Meaning.BLOCKED, reason="the owner requires single sign-on", is_policy=True)
    if "retry-after" not in headers and policies.is_text_of_one(read_message(parsed)):
        return Answer(Meaning.BLOCKED, reason=reason, is_policy=True)
    quota = read_quota(headers)
    if "retry-after" in headers or (quota is not None and quota.remaining == 0):
        return _limited(headers, read_message(parsed))
    if not isinstance(parsed, dict):
        # Without its text it may be a secondary limit, which comes with quota left.
        return _limited(headers, reason) if is_cut else Answer(Meaning.TRY_AGAIN, reason=reason)
    return Answer(Meaning.BLOCKED, reason=reason)


_LIMIT_KINDS = {"RATE_LIMITED", "RATE_LIMIT"}
_HEAVY_KINDS = {"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "ARGUMENT_LIMIT"}
_HEAVY_TEXTS = (
    "something went wrong while executing",
    "timedout",
    "timeout",
    "respond to your request in time",
)
_REFUSAL_KINDS = {"FORBIDDEN", "INSUFFICIENT_SCOPES", "UNPROCESSABLE"}


def _read_errors(parsed: dict[str, Any], headers: Mapping[str, str]) -> Answer:
    data = parsed.get("data")
    faults = [fault for fault in parsed["errors"] if isinstance(fault, dict)]
    for fault in faults:
        message = read_message(fault)
        if (
            _kind(fault) in _LIMIT_KINDS
            or fault.get("code") == "graphql_rate_limit"
            or is_primary(message)
            or is_secondary(message)
        ):
            # An error of type RATE_LIMITED is a primary limit, whatever its text says.
            return _limited(
                headers,
                message if is_secondary(message) else f"API rate limit exceeded: {message}",
            )
    for fault in faults:
        message = read_message(fault)
        if _kind(fault) in _HEAVY_KINDS or any(text in message.lower() for text in _HEAVY_TEXTS):
            return Answer(Meaning.TRY_AGAIN, reason=shorten(message), ask_for_less=True)
    reason = shorten("; ".join(dict.fromkeys(read_message(fault) for fault in faults)))
    if isinstance(data, dict) and any(
        isinstance(value, dict | list) for name, value in data.items() if name != "rateLimit"
    ):
        return Answer(Meaning.PARTIAL, data=data, reason=reason, field_errors=_field_errors(faults))
    kinds = {_kind(fault) for fault in faults}
    if "NOT_FOUND" in kinds:
        return Answer(Meaning.GONE, reason=reason, field_errors=_field_errors(faults))
    if kinds & _REFUSAL_KINDS:
        return Answer(
            Meaning.BLOCKED,
            reason=reason,
            field_errors=_field_errors(faults),
            is_policy=any(map(policies.is_refusal, faults)),
        )
    if read_message(parsed).lower() == "bad credentials" or reason.lower() == "bad credentials":
        return Answer(Meaning.CREDENTIALS_REFUSED, reason=reason)
    if "data" in parsed:
        # It was executed, so it was understood.
        return Answer(Meaning.TRY_AGAIN, reason=reason or "GraphQL errors", ask_for_less=True)
    return Answer(Meaning.QUERY_WRONG, reason=reason or "GraphQL errors without text")


def _kind(fault: dict[str, Any]) -> str:
    kind = fault.get("type")
    return (shorten(kind) if isinstance(kind, str) else "") or "UNKNOWN"


def _field_errors(faults: list[dict[str, Any]]) -> tuple[FieldError, ...]:
    return tuple(
        FieldError(
            kind=_kind(fault),
            path=_path(fault.get("path")),
            message=shorten(read_message(fault)),
            is_policy=policies.is_refusal(fault),
        )
        for fault in faults
    )


def _path(path: Any) -> tuple[str | int, ...]:
    parts = path if isinstance(path, list) else []
    return tuple(part for part in parts if isinstance(part, str | int))
