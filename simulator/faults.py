"""Faults that a test can script: what GitHub, or the network in front of it, may do.

A fault either changes a good answer, replaces it, or breaks its delivery. Each kind says which
of a Fault's options it reads; an option that is left out has its most frequent value. All of them
read `cut`: the connection closes after that many bytes of the body, 0 being after the headers.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from simulator.limits import Resource


class FaultKind(StrEnum):
    """What goes wrong."""

    # Replaced answers
    PRIMARY_LIMIT = "primary_limit"
    """Budget used up. REST: `status` 403 or 429. GraphQL: 200, `type` RATE_LIMITED or RATE_LIMIT;
    `remaining` (0) in the headers, reset in `seconds` (the window's end)."""
    SECONDARY_LIMIT = "secondary_limit"
    """`status` (403; also 429 or 200), `retry_after` (absent unless given), `remaining` (what is
    left unless given), `headers=False` for no rate headers, `text` 2022, 2026, content or abuse.
    The client is expected to wait retry_after, else until reset if remaining is 0, else 60 s."""
    SERVER_ERROR = "server_error"
    """`status` 502 (504, 500, 503; GraphQL also 200): "Something went wrong", or "Server Error"."""
    TIMED_OUT = "timed_out"
    """GraphQL: 200 with the message "timedout"; `status` changes it."""
    HEAVY_PAGE = "heavy_page"
    """As server_error, but only for GraphQL that asks for more than `limit` nodes."""
    HTML_PAGE = "html_page"
    """An HTML page with `status` (502)."""
    REDIRECT_LOOP = "redirect_loop"
    """`status` (301) to the very same address."""
    API_VERSION = "api_version"
    """The version is not supported: `status` 400, or 410 when it is gone."""
    UNAUTHORIZED = "unauthorized"
    """401 Bad credentials."""
    NOT_FOUND = "not_found"
    """REST: 404. GraphQL: NOT_FOUND for the top-level field `alias`, or for all of them."""
    ANSWER = "answer"
    """Any answer: `status`, `text` as the body, `content_type`."""

    # Changed answers
    LAST_POINT = "last_point"
    """A good answer whose headers say that nothing remains."""
    RESOURCE_LIMITS = "resource_limits"
    """RESOURCE_LIMITS_EXCEEDED: the top-level field `alias`, or the last one, is null."""
    NULL_NODE = "null_node"
    """A null in repositories.nodes without an error: `repository`, or the `index`th (0)."""
    MISSING_ALIAS = "missing_alias"
    """The top-level field `alias`, or the last one, is absent, without an error."""
    FORBIDDEN_WATCHERS = "forbidden_watchers"
    """FORBIDDEN on `watchers` of `repository`, or of all; the repository becomes null."""
    SAML = "saml"
    """FORBIDDEN by an organisation's SAML enforcement: the owner `login`, or `repository`."""
    POLICY = "policy"
    """A policy of the owner `login`, or of all, refuses every credential, and nobody without one:
    REST 403, GraphQL FORBIDDEN; `text` saml, ip, classic, lifetime or app, see `policies`."""
    NO_NEXT_PAGE = "no_next_page"
    """hasNextPage is false too early; REST: no Link header."""
    COUNTS = "counts"
    """The counter `field` (all three unless given) of `repository`, or of all, is `value` (-1)."""
    NAME = "name"
    """The `field` (name, or login) of `repository`, account `login`, or of all, reads `text`."""
    CONTENT_TYPE = "content_type"
    """A good body declared as `content_type` (text/plain)."""
    NO_DATE = "no_date"
    """A good answer without Date header, as some proxies leave it."""
    TRUNCATED = "truncated"
    """A body cut in half, with the length to match."""

    # Broken deliveries
    SHORT_BODY = "short_body"
    """The connection closes half-way through the body, or after `cut` bytes of it."""
    RESET = "reset"
    """The connection is reset before an answer."""
    DISCONNECT = "disconnect"
    """The connection closes before an answer."""
    CONNECT_ERROR = "connect_error"
    """No connection at all (over a socket: as reset)."""
    TIMEOUT = "timeout"
    """No answer within the client's timeout (over a socket: none for `seconds`, 3600)."""
    SLOW = "slow"
    """The answer takes `seconds` (1); with `pieces`, the body comes in that many pieces."""
    DRIP = "drip"
    """The answer takes `seconds` (1) and comes byte by byte, its headers too (over a socket)."""


CHANGES = {
    FaultKind.LAST_POINT,
    FaultKind.RESOURCE_LIMITS,
    FaultKind.NULL_NODE,
    FaultKind.MISSING_ALIAS,
    FaultKind.FORBIDDEN_WATCHERS,
    FaultKind.SAML,
    FaultKind.POLICY,
    FaultKind.NO_NEXT_PAGE,
    FaultKind.COUNTS,
    FaultKind.NAME,
    FaultKind.CONTENT_TYPE,
    FaultKind.NO_DATE,
    FaultKind.TRUNCATED,
    FaultKind.SHORT_BODY,
    FaultKind.SLOW,
    FaultKind.DRIP,
}
"""Faults that change a good answer: several may act on one request."""

UNDELIVERED = {
    FaultKind.RESET,
    FaultKind.DISCONNECT,
    FaultKind.CONNECT_ERROR,
    FaultKind.TIMEOUT,
}

GRAPHQL_ONLY = {
    FaultKind.TIMED_OUT,
    FaultKind.HEAVY_PAGE,
    FaultKind.RESOURCE_LIMITS,
    FaultKind.NULL_NODE,
    FaultKind.MISSING_ALIAS,
    FaultKind.FORBIDDEN_WATCHERS,
    FaultKind.SAML,
}

SECONDARY_TEXTS = {
    "2022": (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    ),
    "2026": (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        " For more on scraping GitHub and how it may affect your rights, please review our Terms"
        " of Service (https://docs.github.com/en/site-policy/github-terms/"
        "github-terms-of-service). If you reach out to GitHub Support for help, please include the"
        " request ID 8A1C:3F0B5D:1B2C3D4:1C2D3E4:68F0A1B2."
    ),
    "content": (
        "You have exceeded a secondary rate limit and have been temporarily blocked from content"
        " creation. Please retry your request again later."
    ),
    "abuse": (
        "You have triggered an abuse detection mechanism. Please wait a few minutes before you"
        " try again."
    ),
}


@dataclass(frozen=True)
class Fault:
    """One fault: its kind and its options."""

    kind: FaultKind
    status: int | None = None
    retry_after: int | None = None
    remaining: int | None = None
    headers: bool = True
    text: str | None = None
    type: str | None = None
    seconds: float | None = None
    pieces: int | None = None
    cut: int | None = None
    limit: int = 100
    alias: str | None = None
    repository: str | int | None = None
    login: str | None = None
    index: int = 0
    field: str | None = None
    value: int = -1
    content_type: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))

    @classmethod
    def from_json(cls, options: Mapping[str, Any]) -> "Fault":
        """Make a fault from what a control route was sent; an unknown option is an error."""
        unknown = set(options) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"a fault has no option {', '.join(sorted(unknown))}")
        return cls(**options)

    def concerns_repository(self, repository_id: int, name: str, full_name: str) -> bool:
        """Whether the fault is about this repository; a fault that names none is about all."""
        return self.repository in {None, repository_id, name, full_name}


@dataclass(frozen=True)
class RequestView:
    """The parts of a request that a match can look at."""

    method: str
    path: str
    resource: Resource
    body: str


@dataclass(frozen=True)
class Match:
    """The requests that a fault is for; a condition that is left out matches all."""

    resource: str | None = None
    path: str | None = None
    """A regular expression, searched in the path with its query."""
    contains: str | None = None
    """A text in the body: a login, a part of a query."""
    skip: int = 0
    """The number of matching requests that pass first."""

    def __post_init__(self) -> None:
        try:
            re.compile(self.path or "")
        except re.error as error:
            raise ValueError(f"the path {self.path!r} is not a regular expression") from error

    def __call__(self, request: RequestView) -> bool:
        """Whether a request meets all conditions."""
        return (
            (self.resource is None or self.resource == request.resource)
            and (self.path is None or re.search(self.path, request.path) is not None)
            and (self.contains is None or self.contains in request.body)
        )


Matcher = Callable[[RequestView], bool]


@dataclass(eq=False)
class Scripted:
    """A fault waiting for its requests."""

    fault: Fault
    times: int | None
    match: Matcher
    skip: int = 0
    used: int = 0

    @property
    def spent(self) -> bool:
        """Whether it was used as often as it should be."""
        return self.times is not None and self.used >= self.times

    def strikes(self, request: RequestView) -> bool:
        """Whether this request gets the fault; counts the requests that pass first."""
        if self.fault.kind in GRAPHQL_ONLY and request.resource is not Resource.GRAPHQL:
            return False
        if self.spent or not self.match(request):
            return False
        if self.skip:
            self.skip -= 1
            return False
        return True


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self.scripted: list[Scripted] = []

    def add(
        self, fault: Fault, times: int | None = 1, match: Matcher | str | None = None
    ) -> Scripted:
        """Script a fault for the next matching requests; times=None means always.

        A string is a resource's name, or else a regular expression for the path.
        """
        skip = 0
        if match is None:
            match = Match()
        elif isinstance(match, str):
            match = Match(resource=match) if match in set(Resource) else Match(path=match)
        if isinstance(match, Match):
            skip = match.skip
        scripted = Scripted(fault, times, match, skip)
        self.scripted.append(scripted)
        return scripted

    def clear(self) -> None:
        """Forget all faults."""
        self.scripted.clear()

    def take(self, request: RequestView, nodes: int = 0) -> tuple[Fault | None, list[Fault]]:
        """Return the fault that replaces the answer, if any, and the faults that change it."""
        replacing: Scripted | None = None
        changing: list[Scripted] = []
        for scripted in self.scripted:
            kind = scripted.fault.kind
            if kind not in CHANGES and replacing is not None:
                continue
            if kind is FaultKind.HEAVY_PAGE and nodes <= scripted.fault.limit:
                continue
            if not scripted.strikes(request):
                continue
            if kind in CHANGES:
                changing.append(scripted)
            else:
                replacing = scripted
        used = [replacing] if replacing is not None else changing
        for scripted in used:
            scripted.used += 1
        self.scripted = [scripted for scripted in self.scripted if not scripted.spent]
        if replacing is not None:
            return replacing.fault, []
        return None, [scripted.fault for scripted in changing]
