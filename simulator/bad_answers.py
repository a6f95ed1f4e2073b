"""The answers that replace a good one: limits, server errors, and answers that make no sense."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulator.faults import SECONDARY_TEXTS, Fault, FaultKind
from simulator.limits import Allowance, Limits, RateStatus, Resource
from simulator.messages import DOCUMENTATION, Answer, Call
from simulator.rest import not_found

RATE_LIMIT_DOCUMENTATION = (
    "https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting"
)
SOMETHING_WENT_WRONG = (
    "Something went wrong while executing your query. This may be the result of a timeout, or it"
    " could be a GitHub bug. Please include `8A1C:3F0B5D:1B2C3D4:1C2D3E4:68F0A1B2` when reporting"
    " this issue."
)
HTML = (
    b"<!DOCTYPE html>\n<html>\n<head><title>Unicorn! &middot; GitHub</title></head>\n"
    b"<body><p><strong>We had issues producing the response to your request.</strong></p></body>\n"
    b"</html>\n"
)
UNSTATED_WAIT = 60
"""Seconds that GitHub asks to wait when a secondary limit does not say how long."""
NO_RATE_HEADERS = "x-simulator-no-rate-headers"
"""Marks an answer that is sent without rate headers; the mark itself is removed."""


def bad_answer(fault: Fault, call: Call, resource: Resource, allowance: Allowance) -> Answer:
    """Return the answer of a fault that replaces the good one."""
    if fault.kind is FaultKind.PRIMARY_LIMIT:
        answer = primary_limit(fault, call, resource, allowance)
    elif fault.kind is FaultKind.SECONDARY_LIMIT:
        answer = secondary_limit(fault, call, resource, allowance)
    else:
        # A fault that breaks the delivery has no answer: this one never leaves the simulator.
        answer = ANSWERS.get(fault.kind, _nothing)(fault, call, resource)
    if not fault.headers:
        answer.headers[NO_RATE_HEADERS] = "1"
    return answer


def bad_answer_cost(fault: Fault, resource: Resource, limits: Limits) -> int:
    """Return the points that a bad answer takes from the primary budget."""
    if fault.kind in FREE:
        return 0
    timed_out = fault.kind in {FaultKind.SERVER_ERROR, FaultKind.HEAVY_PAGE} and fault.status != 200
    return 1 + (limits.timeout_penalty if timed_out and resource is Resource.GRAPHQL else 0)


def rate_headers(status: RateStatus) -> dict[str, str]:
    """Return the headers that say how much of the primary budget is left."""
    return {
        "x-ratelimit-limit": str(status.limit),
        "x-ratelimit-remaining": str(status.remaining),
        "x-ratelimit-used": str(status.used),
        "x-ratelimit-reset": str(status.reset),
        "x-ratelimit-resource": str(status.resource),
    }


def no_user_agent() -> Answer:
    """Answer that a request does not say who sends it."""
    text = (
        "\r\nRequest forbidden by administrative rules. Please make sure your request has"
        " a User-Agent header (https://docs.github.com/en/rest/overview/"
        "resources-in-the-rest-api#user-agent-required). Check"
        " https://developer.github.com for other possible causes.\r\n"
    )
    return Answer(403, text.encode(), content_type="text/html")


def primary_limit(fault: Fault, call: Call, resource: Resource, allowance: Allowance) -> Answer:
    """Answer that the primary budget is used up."""
    status = allowance.status(resource, call.now)
    remaining = fault.remaining if fault.remaining is not None else 0
    reset = status.reset if fault.seconds is None else int(call.now + fault.seconds)
    message = fault.text or f"API rate limit exceeded for {allowance.key}."
    if resource is Resource.GRAPHQL:
        kind = fault.type or allowance.limits.primary_type
        error = {"type": kind, "message": message}
        if kind == "RATE_LIMIT":
            error["code"] = "graphql_rate_limit"
        answer = Answer.json({"errors": [error]}, fault.status or 200)
    else:
        status_code = fault.status or allowance.limits.primary_status
        answer = Answer.error(status_code, message, RATE_LIMIT_DOCUMENTATION)
    shown = replace(status, remaining=remaining, used=status.limit - remaining, reset=reset)
    answer.headers.update(rate_headers(shown))
    allowance.state_wait(call.now, reset, "primary limit", resource)
    return answer


def secondary_limit(fault: Fault, call: Call, resource: Resource, allowance: Allowance) -> Answer:
    """Answer that a secondary limit is exceeded; the text says so, and the headers may."""
    message = SECONDARY_TEXTS.get(fault.text or "2022", fault.text or "")
    status_code = fault.status or 403
    if resource is Resource.GRAPHQL and status_code == 200:
        answer = Answer.json({"errors": [{"type": "RATE_LIMITED", "message": message}]})
    else:
        url = f"{DOCUMENTATION}/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
        answer = Answer.error(status_code, message, url)
    status = allowance.status(resource, call.now)
    wait: float = UNSTATED_WAIT
    if not fault.headers:
        answer.headers[NO_RATE_HEADERS] = "1"
    elif fault.remaining is not None:
        reset = status.reset if fault.seconds is None else int(call.now + fault.seconds)
        used = status.limit - fault.remaining
        shown = replace(status, remaining=fault.remaining, used=used, reset=reset)
        answer.headers.update(rate_headers(shown))
        if fault.remaining == 0:
            wait = reset - call.now
    if fault.retry_after is not None:
        answer.headers["retry-after"] = str(fault.retry_after)
        wait = fault.retry_after
    allowance.state_wait(call.now, call.now + wait, "secondary limit")
    return answer


def _server_error(fault: Fault, _: Call, resource: Resource) -> Answer:
    content: dict[str, Any] = {"error": "Server Error"}
    if resource is Resource.GRAPHQL:
        content = {"data": None, "errors": [{"message": SOMETHING_WENT_WRONG}]}
    return Answer.json(content, fault.status or 502)


def _timed_out(fault: Fault, _: Call, __: Resource) -> Answer:
    return Answer.json({"errors": [{"message": "timedout"}]}, fault.status or 200)


def _html_page(fault: Fault, _: Call, __: Resource) -> Answer:
    return Answer(fault.status or 502, HTML, content_type="text/html; charset=utf-8")


def _redirect_loop(fault: Fault, call: Call, _: Resource) -> Answer:
    here = f"{call.base}{call.path}" + (f"?{call.query}" if call.query else "")
    answer = Answer.error(fault.status or 301, "Moved Permanently", url=here)
    answer.headers["location"] = here
    return answer


def _api_version(fault: Fault, call: Call, _: Resource) -> Answer:
    ending = "is no longer supported" if fault.status == 410 else "is not supported"
    return Answer.error(fault.status or 400, f"The API version '{call.version}' {ending}.")


def _unauthorized(fault: Fault, _: Call, __: Resource) -> Answer:
    return Answer.error(401, fault.text or "Bad credentials")


def _not_found(*_: object) -> Answer:
    return not_found()


def _scripted(fault: Fault, _: Call, __: Resource) -> Answer:
    # A lone surrogate is how a test writes a byte that is not UTF-8.
    answer = Answer(fault.status or 200, (fault.text or "").encode("utf-8", "surrogateescape"))
    if fault.content_type:
        answer.content_type = fault.content_type
    return answer


def _nothing(*_: object) -> Answer:
    return Answer(502)


ANSWERS: dict[FaultKind, Callable[[Fault, Call, Resource], Answer]] = {
    FaultKind.SERVER_ERROR: _server_error,
    FaultKind.HEAVY_PAGE: _server_error,
    FaultKind.TIMED_OUT: _timed_out,
    FaultKind.HTML_PAGE: _html_page,
    FaultKind.REDIRECT_LOOP: _redirect_loop,
    FaultKind.API_VERSION: _api_version,
    FaultKind.UNAUTHORIZED: _unauthorized,
    FaultKind.NOT_FOUND: _not_found,
    FaultKind.ANSWER: _scripted,
}

FREE = {
    FaultKind.PRIMARY_LIMIT,
    FaultKind.SECONDARY_LIMIT,
    FaultKind.API_VERSION,
    FaultKind.UNAUTHORIZED,
    FaultKind.RESET,
    FaultKind.DISCONNECT,
    FaultKind.CONNECT_ERROR,
}
