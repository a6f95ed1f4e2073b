"""The simulator: from a request to its outcome."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path

import httpx

from simulator.asgi import Application
from simulator.bad_answers import (
    NO_RATE_HEADERS,
    bad_answer,
    bad_answer_cost,
    no_user_agent,
    primary_limit,
    rate_headers,
    secondary_limit,
)
from simulator.control import PREFIX, Control
from simulator.credentials import App, BadCredentialsError, Credential, CredentialKind, Credentials
from simulator.delivery import deliver
from simulator.edition import GITHUB_COM, Edition, page_not_found
from simulator.entities import Account
from simulator.faults import Fault, FaultKind, Faults, Matcher, RequestView, Scripted
from simulator.graphql import GraphQLApi, LargeIds, Plan
from simulator.limits import Allowance, Ledger, LimitForm, Limits, Resource, Violation
from simulator.messages import Answer, Call
from simulator.outcome import Flight, Outcome, RequestRecord
from simulator.rest import DEFAULT_VERSION, RestApi, etag, not_found
from simulator.world import World


class GitHubSimulator:
    """A double of api.github.com, or of another edition of GitHub, over a World.

    Without `tokens` every token is accepted, and stands for the world's viewer. `latency` is how
    many real seconds each answer takes, which is what lets requests overlap.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        tokens: Mapping[str, Account | None] | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        apps: list[App] | None = None,
        schema: Path | str | None = None,
        large_ids: LargeIds = LargeIds.NULL,
        latency: float = 0.0,
        edition: Edition = GITHUB_COM,
    ) -> None:
        self.edition = edition
        self.world = world if world is not None else World()
        self.clock = clock
        self.date_clock: Callable[[], float] | None = None
        """Epoch seconds that answers show; None for those of the clock, on the world's day."""
        self.latency = latency
        self.faults = Faults()
        self.credentials = Credentials(self.world, tokens, apps or [])
        self.requests: list[RequestRecord] = []
        self.violations: list[Violation] = []
        self.peak_in_flight = 0
        is_unlimited = edition.is_enterprise_server
        self._ledger = Ledger(limits or (Limits.unlimited() if is_unlimited else Limits()))
        self._in_flight = 0
        self._lock = self.world.lock
        self._flight_lock = threading.Lock()
        self._events = itertools.count(1)
        self._request_ids = itertools.count(0x1B2C3D4)
        self._dated_day: date | None = None
        self._days_ahead = 0.0
        chosen = schema or os.environ.get("GITHUB_SCHEMA")
        self._graphql = GraphQLApi(self.world, Path(chosen) if chosen else None, large_ids)
        self._rest = RestApi(self.world, self.credentials)
        self._control = Control(self)
        self.app = Application(self)

    # Scripting

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self._ledger.limits

    def set_limits(self, limits: Limits) -> None:
        """Start with other limits and full budgets."""
        with self._lock:
            self._ledger.reset(limits)

    def fail(
        self, fault: Fault | str, times: int | None = 1, match: Matcher | str | None = None
    ) -> Scripted:
        """Script a fault for the next `times` matching requests; None means always."""
        if isinstance(fault, str):
            fault = Fault(FaultKind(fault))
        with self._lock:
            return self.faults.add(fault, times, match)

    def heal(self) -> None:
        """Forget all scripted faults."""
        with self._lock:
            self.faults.clear()

    def reset_records(self) -> None:
        """Forget the requests and violations so far, not the budgets."""
        with self._lock:
            self.requests.clear()
            self.violations.clear()
            self.peak_in_flight = 0

    # Serving

    def transport(self) -> httpx.MockTransport:
        """Return a transport for a synchronous client."""
        return httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or raise the error that a client would meet."""
        request.read()
        if request.url.path.startswith(PREFIX):
            return deliver(request, self.control(request))
        with self.flight() as flight:
            outcome = self.decide(request, flight)
            if self.latency:
                time.sleep(self.latency)
            return deliver(request, outcome)

    @contextmanager
    def flight(self) -> Iterator[Flight]:
        """Count a request while it is under way."""
        with self._flight_lock:
            self._in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self._in_flight)
            flight = Flight(self._in_flight, next(self._events))
        try:
            yield flight
        finally:
            with self._flight_lock:
                self._in_flight -= 1
                for wait in flight.waits:
                    wait.delivered = next(self._events)

    def control(self, request: httpx.Request) -> Outcome:
        """Answer one of the simulator's own routes."""
        return Outcome(self._control.answer(request), Resource.CORE)

    def decide(self, request: httpx.Request, flight: Flight) -> Outcome:
        """Decide the outcome of a request that was read already, and record it."""
        with self._lock:
            now = self.clock()
            outcome = self._decide(request, flight, now)
            stated = self._ledger.take_stated()
            flight.waits = stated if outcome.states_waits else []
            fault = outcome.replaced_by or next(iter(outcome.faults), None)
            self.requests.append(
                RequestRecord(
                    method=request.method,
                    path=request.url.path,
                    resource=str(outcome.resource),
                    cost=outcome.cost,
                    at=now,
                    status=0 if outcome.undelivered else outcome.answer.status,
                    authenticated=outcome.authenticated,
                    in_flight=flight.in_flight,
                    fault=str(fault.kind) if fault else None,
                    query=request.url.query.decode("ascii", "replace"),
                )
            )
            return outcome

    def _decide(self, request: httpx.Request, flight: Flight, now: float) -> Outcome:
        found = self.edition.find(request.url.path)
        if found is None:
            return Outcome(page_not_found(), Resource.CORE)
        resource, path = found
        if not request.headers.get("user-agent", "").strip():
            return Outcome(no_user_agent(), resource)
        refusal = None
        try:
            credential = self.credentials.identify(request.headers.get("authorization"), now)
        except BadCredentialsError as error:
            refusal = Answer.error(401, str(error))
            credential = Credential(CredentialKind.ANONYMOUS, "127.0.0.1")
        if refusal is None and self.edition.is_private and not credential.authenticated:
            refusal = Answer.error(401, "Must authenticate to access this API.")
        version = request.headers.get("x-github-api-version", DEFAULT_VERSION)
        call = Call(
            method=request.method,
            path=path,
            query=request.url.params,
            headers=request.headers,
            body=request.content,
            base=_base(request) + self.edition.rest_path,
            pages=_base(request) if self.edition.is_enterprise_server else "https://github.com",
            credential=credential,
            now=now,
            version=version,
        )
        allowance = self._ledger.allowance(credential.key, credential.authenticated)
        ahead = self._date_shift(now)
        outcome = self._served(call, resource, allowance, flight, refusal)
        headers = outcome.answer.headers
        if NO_RATE_HEADERS not in headers and not self.edition.is_enterprise_server:
            for name, value in rate_headers(allowance.status(resource, now)).items():
                headers.setdefault(name, value)
        if resource is Resource.CORE and self.edition.versions:
            headers.setdefault("x-github-api-version-selected", version)
        if self.edition.release is not None:
            headers["x-github-enterprise-version"] = f"enterprise-server@{self.edition.release}"
        headers["x-github-request-id"] = f"8A1C:3F0B5D:{next(self._request_ids):X}:1C2D3E4:68F0A1B2"
        headers["server"] = "github.com"
        if "x-ratelimit-reset" in headers:
            headers["x-ratelimit-reset"] = str(int(headers["x-ratelimit-reset"]) + round(ahead))
        if not outcome.fault(FaultKind.NO_DATE):
            headers["date"] = format_datetime(datetime.fromtimestamp(now + ahead, UTC), usegmt=True)
        expires = self.credentials.expirations.get(credential.token)
        if expires is not None:
            headers["github-authentication-token-expiration"] = f"{expires:%Y-%m-%d %H:%M:%S} UTC"
        headers.pop(NO_RATE_HEADERS, None)
        return replace(outcome, authenticated=credential.authenticated)

    def _date_shift(self, now: float) -> float:
        """Return the seconds by which the times in answers are ahead of the simulator's clock.

        They follow the world's day. The shift changes when that day is set, and not at midnight.
        """
        if self.date_clock is not None:
            return self.date_clock() - now
        if self._dated_day != self.world.day:
            self._dated_day = self.world.day
            self._days_ahead = (
                86_400.0 * (self.world.day - datetime.fromtimestamp(now, UTC).date()).days
            )
        return self._days_ahead

    def _served(
        self,
        call: Call,
        resource: Resource,
        allowance: Allowance,
        flight: Flight,
        refusal: Answer | None,
    ) -> Outcome:
        self._watch_waits(call, resource, allowance, flight.arrival)
        plan = None
        if resource is Resource.GRAPHQL:
            plan = self._graphql.plan(call.body, self.limits.cost_model)
        view = RequestView(
            call.method,
            f"{call.path}?{call.query}" if call.query else call.path,
            resource,
            call.body.decode("utf-8", "replace"),
        )
        replacing, changing = self.faults.take(view, plan.estimate.nodes if plan else 0)
        call = replace(call, faults=tuple(changing))
        if replacing is not None:
            graphql_not_found = replacing.kind is FaultKind.NOT_FOUND and plan is not None
            if not graphql_not_found:
                return self._broken(replacing, call, resource, allowance)
            call = replace(call, faults=(replacing,))
        if refusal is not None:
            return Outcome(refusal, resource)
        unknown = self.edition.refusal(call.headers.get("x-github-api-version"))
        if resource is Resource.CORE and unknown is not None:
            return Outcome(unknown, resource)
        limited = self._limited(call, resource, allowance, flight.in_flight)
        if limited is not None:
            return Outcome(limited, resource)
        if plan is not None:
            outcome = self._query(call, plan, allowance)
        else:
            outcome = self._read(call, allowance)
        status = allowance.status(resource, call.now)
        if status.remaining == 0 and outcome.answer.status == 200:
            allowance.state_wait(call.now, status.reset, "nothing remains", resource)
        return _altered(replace(outcome, faults=call.faults), allowance, call.now)

    def _watch_waits(
        self, call: Call, resource: Resource, allowance: Allowance, arrival: int
    ) -> None:
        wait = allowance.broken_wait(resource, call.now, arrival)
        if wait is None or (call.path == "/rate_limit" and wait.resource is not None):
            return
        self.violations.append(
            Violation(call.now, wait.until, wait.stated_at, wait.reason, call.method, call.path)
        )

    # Good answers

    def _query(self, call: Call, plan: Plan, allowance: Allowance) -> Outcome:
        resource = Resource.GRAPHQL
        if call.method != "POST":
            return Outcome(not_found(), resource)
        if not call.credential.authenticated:
            message = "This endpoint requires you to be authenticated."
            url = "https://docs.github.com/graphql/guides/forming-calls-with-graphql"
            return Outcome(
                Answer.error(401, message, f"{url}#authenticating-with-graphql"), resource
            )
        if plan.bad_request is not None:
            return Outcome(Answer.error(400, plan.bad_request), resource)
        cost = 0 if plan.dry_run else plan.cost
        allowance.charge(resource, cost, call.now)
        status = allowance.status(resource, call.now)
        shown = replace(status, reset=status.reset + round(self._date_shift(call.now)))
        is_shown = not self.edition.is_enterprise_server
        content = self._graphql.execute(plan, call, shown if is_shown else None)
        return Outcome(Answer.json(content), resource, cost)

    def _read(self, call: Call, allowance: Allowance) -> Outcome:
        resource = Resource.CORE
        missing = self.edition.missing(call.path)
        if call.path == "/rate_limit":
            return Outcome(missing or self._rest.rate_limit(call, allowance), resource)
        answer = missing or self._rest.answer(call)
        cost = 1
        if answer.status == 200 and call.method in {"GET", "HEAD"}:
            tag = etag(call, answer)
            answer.headers["etag"] = tag
            answer.headers["cache-control"] = "private, max-age=60, s-maxage=60"
            if call.headers.get("if-none-match") == tag:
                # A 304 has no Link header and is free for authenticated callers.
                answer = Answer(304, headers={"etag": tag})
                cost = 0 if call.credential.authenticated else 1
        if call.method == "HEAD":
            answer.body = b""
        allowance.charge(resource, cost, call.now)
        return Outcome(answer, resource, cost)

    # Limits

    def _limited(
        self, call: Call, resource: Resource, allowance: Allowance, in_flight: int
    ) -> Answer | None:
        reading = call.method in {"GET", "HEAD", "OPTIONS"} or resource is Resource.GRAPHQL
        points = 1 if reading else 5
        if allowance.too_fast(resource, points, in_flight, call.now):
            return self._secondary_limit(call, resource, allowance)
        exempt = call.path == "/rate_limit" or (
            resource is Resource.GRAPHQL and not call.credential.authenticated
        )
        if not exempt and allowance.exhausted(resource, call.now):
            return primary_limit(Fault(FaultKind.PRIMARY_LIMIT), call, resource, allowance)
        return None

    def _secondary_limit(self, call: Call, resource: Resource, allowance: Allowance) -> Answer:
        limits = self.limits
        wait = max(1, round(allowance.blocked_until - call.now))
        form = limits.secondary_form
        fault = Fault(
            FaultKind.SECONDARY_LIMIT,
            status=limits.secondary_status,
            retry_after=wait if form is LimitForm.RETRY_AFTER else None,
            remaining=0 if form is LimitForm.RESET else None,
            seconds=wait,
            headers=form is not LimitForm.BARE,
            text="2026",
        )
        return secondary_limit(fault, call, resource, allowance)

    def _broken(
        self, fault: Fault, call: Call, resource: Resource, allowance: Allowance
    ) -> Outcome:
        answer = bad_answer(fault, call, resource, allowance)
        cost = bad_answer_cost(fault, resource, self.limits)
        allowance.charge(resource, cost, call.now)
        return Outcome(answer, resource, cost, replaced_by=fault)


def _base(request: httpx.Request) -> str:
    host = request.headers.get("host") or request.url.netloc.decode()
    return f"{request.url.scheme}://{host}"


def _altered(outcome: Outcome, allowance: Allowance, now: float) -> Outcome:
    answer = outcome.answer
    if outcome.fault(FaultKind.LAST_POINT):
        status = allowance.status(outcome.resource, now)
        shown = replace(status, remaining=0, used=status.limit)
        answer.headers.update(rate_headers(shown))
        allowance.state_wait(now, status.reset, "nothing remains", outcome.resource)
    content_type = outcome.fault(FaultKind.CONTENT_TYPE)
    if content_type is not None:
        answer.content_type = content_type.content_type or "text/plain; charset=utf-8"
    if outcome.fault(FaultKind.TRUNCATED):
        answer.body = answer.body[: len(answer.body) // 2]
    return outcome
