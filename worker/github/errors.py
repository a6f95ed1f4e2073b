"""What can go wrong with GitHub; each error carries what happens next.

::

    GitHubError                  the base; its text is one line for a person
    ├── Limited                  wait ``wait`` seconds, then go on: no failure
    │   ├── RedisUnavailable     Redis, which keeps the budget, does not answer
    │   └── OtherDay             GitHub's day is not the day to record
    ├── TryAgain                 a passing fault: the same request later, or a smaller one
    ├── Gone                     no such account or repository, or it is hidden
    ├── Blocked                  it exists, and GitHub refuses it
    ├── PolicyRefusal            its owner's policy refuses our credential; anybody else may read it
    ├── CredentialsRefused       the token or App is refused: no requests until it changes
    └── QueryWrong               our request is at fault: a person has to fix the code

The calls of ``rest`` and ``graphql`` raise them. A limit or refused credentials while an account is
observed end the observation: what was seen so far is returned together with the wait.
"""

from datetime import date, datetime

from common.errors import RepopulseError

OTHER_DAY_SECONDS = 60.0
"""Seconds to wait before GitHub's day is checked again."""


class GitHubError(RepopulseError):
    """GitHub gave no usable answer.

    :param trace: HTTP status and GitHub's request id, for the log; empty if there was no answer
    """

    def __init__(self, reason: str, *, trace: str = "") -> None:
        super().__init__(reason)
        self.trace = trace

    def for_log(self) -> str:
        """Return the reason with status and request id, if there are any."""
        return f"{self} ({self.trace})" if self.trace else str(self)


class Limited(GitHubError):
    """GitHub, or our share of what it allows, says to wait.

    :param wait: seconds until requests are allowed again
    """

    def __init__(self, reason: str, wait: float, *, trace: str = "") -> None:
        super().__init__(reason, trace=trace)
        self.wait = wait


class RedisUnavailable(Limited):
    """Redis, which keeps the shared budget, does not answer, so no request may be sent."""


class OtherDay(Limited):
    """The Date header of an answer is of another UTC day than the one to record.

    :param day: the day to record
    :param at_github: the time in the header
    """

    def __init__(self, day: date, at_github: datetime) -> None:
        super().__init__(
            f"it is {at_github:%Y-%m-%d} by GitHub's Date header, and {day} by the database's"
            " clock: no row is written until they agree",
            OTHER_DAY_SECONDS,
        )
        self.at_github = at_github


class TryAgain(GitHubError):
    """A passing fault: no connection, a server error, an answer cut short.

    :param ask_for_less: the same request would fail the same way; a smaller one may not
    """

    def __init__(self, reason: str, *, ask_for_less: bool = False, trace: str = "") -> None:
        super().__init__(reason, trace=trace)
        self.ask_for_less = ask_for_less


class Gone(GitHubError):
    """GitHub has no such account or repository, or hides it; it does not say which."""


class Blocked(GitHubError):
    """GitHub refuses this resource: taken down, forbidden, or behind single sign-on."""


class PolicyRefusal(GitHubError):
    """The owner's policy refuses our credential: IP allow list, single sign-on, kind of token."""


class CredentialsRefused(GitHubError):
    """GitHub does not accept the credential.

    :param wait: seconds until it is worth checking whether that changed
    """

    def __init__(self, reason: str, wait: float = 300.0, *, trace: str = "") -> None:
        super().__init__(reason, trace=trace)
        self.wait = wait


class QueryWrong(GitHubError):
    """GitHub does not understand the request: a bug of ours, or the API changed."""
