"""One request to GitHub: with a permit of the budget, authorized, and repeated if that helps.

Nothing else in the project opens a connection to GitHub. Two kinds of requests are repeated at
once, and only once: those whose answer was cut off or was no JSON, and those whose credentials were
refused, which GitHub has done by mistake. A timeout or a server error would only happen again.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import httpx

from common.github_server import read_server
from worker import reach
from worker.github.budget import Permit
from worker.github.credentials import Credentials
from worker.github.dates import AnswerDates
from worker.github.errors import CredentialsRefused, TryAgain
from worker.github.meaning import Answer, Meaning, read_graphql, read_rest
from worker.github.wire import exchange

log = logging.getLogger(__name__)

_GOOD = (Meaning.DATA, Meaning.UNCHANGED, Meaning.MOVED)


class Permits(Protocol):
    """A budget of requests, see ``Budget``."""

    def acquire(
        self, resource: str, *, cost: int = 1, is_load: bool = False, is_background: bool = False
    ) -> Permit:
        """Get a permit for one request."""

    def settle(self, permit: Permit, answer: Answer) -> float:
        """Return a permit and store what the answer said."""

    def refuse(self) -> bool:
        """Note that GitHub refuses the credential; return whether that was not known yet."""


class Transport:
    """Sends requests to GitHub."""

    def __init__(self, client: httpx.Client, budget: Permits, credentials: Credentials) -> None:
        self._client = client
        self._graphql = read_server(str(client.base_url)).graphql
        self._budget = budget
        self._credentials = credentials
        self._logged: set[str] = set()
        self._dates: AnswerDates | None = None

    def get(
        self,
        path: str,
        parameters: dict[str, str | int] | None = None,
        *,
        is_load: bool = False,
        is_background: bool = False,
        etag: str | None = None,
    ) -> Answer:
        """Request one resource of the REST API.

        :param path: a path below the API's address, or a URL from GitHub (next page, redirect)
        :param is_background: takes only what scans and loads leave of the quota
        :param etag: of an earlier answer; the answer may be ``UNCHANGED``
        :raise Limited: no request is allowed now; nothing was sent
        :raise CredentialsRefused: GitHub refuses the credentials
        """
        try:
            # As the request will have it, and as a browser would resolve it: the two may differ.
            addresses = (
                self._client.build_request("GET", path, params=parameters).url,
                self._client.base_url.join(path),
            )
        except (httpx.InvalidURL, ValueError, TypeError):
            return Answer(Meaning.TRY_AGAIN, reason="invalid URL from GitHub")
        if not all(map(self._is_ours, addresses)):
            answer = Answer(
                Meaning.TRY_AGAIN, reason="URL on another host from GitHub: check GITHUB_API_URL"
            )
            # As from http:// to https://: the answer before was a redirect, which is no problem.
            reach.note(answer)
            return answer
        headers = None if etag is None else {"If-None-Match": etag}
        return self._send(
            lambda: self._client.build_request("GET", path, params=parameters, headers=headers),
            "core",
            is_load=is_load,
            is_background=is_background,
        )

    def query(
        self,
        document: str,
        variables: dict[str, Any],
        *,
        is_load: bool = False,
        is_background: bool = False,
    ) -> Answer:
        """Send a query to the GraphQL API.

        :param is_background: takes only what scans and loads leave of the quota
        :raise Limited: no request is allowed now; nothing was sent
        :raise CredentialsRefused: GitHub refuses the credentials
        """
        content = {"query": document, "variables": variables}
        return self._send(
            lambda: self._client.build_request("POST", self._graphql, json=content),
            "graphql",
            is_load=is_load,
            is_background=is_background,
        )

    @contextmanager
    def dated(self, dates: AnswerDates) -> Iterator[None]:
        """Add the time of each answer to ``dates`` while the block runs.

        The requests of the block also raise ``OtherDay``.
        """
        self._dates = dates
        try:
            yield
        finally:
            self._dates = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _is_ours(self, address: httpx.URL) -> bool:
        """Return whether an address is on GitHub's API: the token goes nowhere else.

        An address with a user in it is not: the request would carry that user's credentials.
        """
        ours = self._client.base_url
        return not address.userinfo and (
            (address.scheme, address.host, address.port) == (ours.scheme, ours.host, ours.port)
        )

    def _send(
        self,
        make_request: Callable[[], httpx.Request],
        resource: str,
        *,
        is_load: bool,
        is_background: bool = False,
    ) -> Answer:
        def ask() -> Answer:
            return self._ask(make_request(), resource, is_load=is_load, is_background=is_background)

        answer = ask()
        match answer.meaning:
            case Meaning.TRY_AGAIN if not answer.ask_for_less:
                answer = ask()
            case Meaning.CREDENTIALS_REFUSED:
                self._credentials.renew()
                answer = ask()
                if answer.meaning is Meaning.CREDENTIALS_REFUSED:
                    self._refuse(f"{answer.reason} ({answer.trace})")
            case Meaning.QUERY_WRONG if answer.reason not in self._logged:
                self._logged.add(answer.reason)
                log.error(
                    "GitHub does not understand a request of ours: %s (%s)",
                    answer.reason,
                    answer.trace,
                )
        return answer

    def _ask(
        self, request: httpx.Request, resource: str, *, is_load: bool, is_background: bool
    ) -> Answer:
        authorization = self._authorization()
        if authorization is not None:
            request.headers["Authorization"] = authorization
        permit = self._budget.acquire(resource, is_load=is_load, is_background=is_background)
        answer = Answer(Meaning.TRY_AGAIN, reason="request aborted")
        read = read_graphql if resource == "graphql" else read_rest
        try:
            answer = exchange(self._client, request, read, ends=permit.ends, secret=authorization)
            if self._credentials.are_renewed:
                answer = replace(answer, token_expires=None)
        finally:
            wait = self._settle(permit, answer)
        if answer.meaning not in _GOOD:
            log.debug("GitHub answered: %s: %s (%s)", answer.meaning, answer.reason, answer.trace)
        if self._dates is not None:
            self._dates.note(answer)
        if answer.meaning is Meaning.LIMITED:
            return replace(answer, wait=wait)
        if answer.meaning is Meaning.CREDENTIALS_REFUSED and authorization is None:
            # No credentials were sent, so none were refused: GitHub wants some for this resource.
            # An Enterprise Server in private mode wants some for all.
            missing = f"{answer.reason.rstrip('.')}: set GITHUB_TOKEN"
            reach.note(Answer(Meaning.TRY_AGAIN, reason=missing, trace=answer.trace))
            return replace(answer, meaning=Meaning.BLOCKED)
        return answer

    def _authorization(self) -> str | None:
        try:
            return self._credentials.authorization()
        except CredentialsRefused as refusal:
            self._refuse(refusal.for_log())
            raise

    def _refuse(self, reason: str) -> None:
        if self._budget.refuse():
            log.error("GitHub refuses the credentials: no requests until they change: %s", reason)

    def _settle(self, permit: Permit, answer: Answer) -> float:
        try:
            return self._budget.settle(permit, answer)
        except TryAgain:
            # Redis stopped answering while GitHub answered: the answer is still true.
            return answer.wait or 60.0
