"""Reading without authorization what an owner's policy refuses to our credential.

GitHub counts such requests by address: 60 an hour, in a budget of their own. The credential's
concurrency and waits hold for them too, since all of it is our one client to GitHub.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import httpx

from worker.github.budget import Budget, Permit
from worker.github.credentials import FixedCredentials
from worker.github.dates import AnswerDates
from worker.github.errors import Gone, Limited, OtherDay, TryAgain
from worker.github.meaning import Answer, Meaning
from worker.github.observation import Account, Observation, Shortfall, Target
from worker.github.policies import OwnerPolicies
from worker.github.rest import Rest
from worker.github.transport import Transport

_HOST = "api.github.com"
"""An Enterprise Server shows nothing to callers without a credential, nor should it be asked to."""


class BothBudgets:
    """Permits for requests without authorization: of their own budget, and of the credential's.

    :param own: the budget of the address
    :param credential: the budget of the credential
    """

    def __init__(self, own: Budget, credential: Budget) -> None:
        self._own = own
        self._credential = credential
        self._outer: dict[str, Permit] = {}

    def acquire(
        self, resource: str, *, cost: int = 1, is_load: bool = False, is_background: bool = False
    ) -> Permit:
        """Get a permit for one request, as ``Budget.acquire`` does."""
        # It takes none of the credential's points, so the reserve of these does not matter.
        outer = self._credential.acquire(resource, cost=0, is_load=True)
        try:
            permit = self._own.acquire(
                resource, cost=cost, is_load=is_load, is_background=is_background
            )
        except BaseException:
            self._release(outer)
            raise
        self._outer[permit.token] = outer
        # Neither of the two may be lost while the request lives.
        return replace(permit, ends=min(permit.ends, outer.ends))

    def settle(self, permit: Permit, answer: Answer) -> float:
        """Return a permit and store what the answer said about the quota of the address."""
        self._release(self._outer.pop(permit.token))
        return self._own.settle(permit, answer)

    def refuse(self) -> bool:
        """Do nothing: no credential was sent that GitHub could refuse."""
        return False

    def _release(self, outer: Permit) -> None:
        """Return a permit of the credential, about whose quota the answer says nothing."""
        try:
            self._credential.settle(outer, Answer(Meaning.TRY_AGAIN, reason="sent without it"))
        except TryAgain:
            # Redis does not answer; the permit expires.
            return


class Anonymous:
    """Reads accounts without authorization.

    :param transport: sends requests without authorization
    :param rest: the REST API by it
    :param policies: the owners that are read so
    """

    def __init__(self, transport: Transport, rest: Rest, policies: OwnerPolicies) -> None:
        self._transport = transport
        self._rest = rest
        self._policies = policies

    def refusal(self, user_id: int) -> str | None:
        """Return why an owner is to be read without the credential; None if with it."""
        return self._policies.refusal(user_id)

    def dated(self, dates: AnswerDates) -> AbstractContextManager[None]:
        """Add the time of each answer to ``dates`` while the block runs."""
        return self._transport.dated(dates)

    def note(self, target: Target, reason: str) -> None:
        """Note that an owner's policy refuses the credential."""
        self._policies.note(target.user_id, target.login, reason)

    def find_account(self, login: str, *, is_load: bool) -> Account:
        """Return the account that has a login now, as ``Rest.find_account`` does."""
        return self._rest.find_account(login, is_load=is_load)

    def observe(self, target: Target, refusal: str) -> Observation:
        """Read an account's share of the hour; the rest of it follows within the day.

        :param refusal: why the credential is refused
        :raise Gone: GitHub shows no such account, and said so twice
        :raise GitHubError: GitHub showed nothing of the account
        """
        reason = f"{refusal}; read without the token, 60 requests an hour for all such owners"
        share = self._policies.share(target.user_id)
        try:
            observation = self._observe(target, share)
        except OtherDay:
            raise
        except Limited as limit:
            raise Limited(f"{limit}: {reason}", limit.wait, trace=limit.trace) from limit
        if observation.wait is None:
            self._policies.settle(target.user_id)
        if observation.wait is None and not observation.shortfalls:
            return observation
        # For the record; whether another attempt may find more is for the others to say.
        policy = Shortfall(reason, can_pass=False)
        return replace(observation, shortfalls=(*observation.shortfalls, policy))

    def _observe(self, target: Target, share: int) -> Observation:
        try:
            return self._rest.observe(target, share=share)
        except Gone:
            # GitHub has denied accounts by mistake.
            return self._rest.observe(target, share=share)


def make_anonymous(
    http: httpx.Client,
    own: Budget,
    credential: Budget,
    policies: OwnerPolicies,
    *,
    now: Callable[[], float],
) -> Anonymous | None:
    """Make the reader of one process; None where GitHub's API is not that of github.com.

    :param own: the budget of the address
    :param credential: the budget of the credential
    """
    if http.base_url.host != _HOST:
        return None
    transport = Transport(http, BothBudgets(own, credential), FixedCredentials(None))
    return Anonymous(transport, Rest(transport, now=now), policies)
