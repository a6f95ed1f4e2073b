"""What can go wrong with GitHub, each carrying what happens next.

::

    GitHubError                  the base; its text is one plain line for a person
    ├── Limited                  wait ``wait`` seconds, then go on: no failure
    │   └── RedisUnavailable     Redis, which keeps the budget, does not answer: nothing may be sent
    ├── TryAgain                 this time no answer of use; again later, or for less
    ├── Gone                     there is no such account or repository, or it is hidden
    ├── Blocked                  it is there, and not for us
    ├── CredentialsRefused       the token or App is refused: nothing more until it changes
    └── QueryWrong               our request is at fault: a person has to mend the code

A limit, and a refusal of the credentials, is raised by the calls of ``rest`` and ``graphql``;
whoever observes an account catches it and hands over what was seen so far together with the wait.
"""

from common.errors import RepopulseError


class GitHubError(RepopulseError):
    """GitHub gave no answer of use."""


class Limited(GitHubError):
    """GitHub, or our share of what it allows, says to wait.

    :param wait: seconds until asking is allowed again
    """

    def __init__(self, reason: str, wait: float) -> None:
        super().__init__(reason)
        self.wait = wait


class RedisUnavailable(Limited):
    """Redis, which keeps the shared budget, does not answer, so no request may be sent."""


class TryAgain(GitHubError):
    """A passing fault: no connection, a server error, an answer cut short.

    :param ask_for_less: the same question would fail the same way; a smaller one may not
    """

    def __init__(self, reason: str, *, ask_for_less: bool = False) -> None:
        super().__init__(reason)
        self.ask_for_less = ask_for_less


class Gone(GitHubError):
    """GitHub has no such thing, or hides it; it says the same in both cases."""


class Blocked(GitHubError):
    """GitHub refuses this one thing: taken down, forbidden, or behind single sign-on."""


class CredentialsRefused(GitHubError):
    """GitHub does not accept the credential.

    :param wait: seconds until it is worth looking whether that changed
    """

    def __init__(self, reason: str, wait: float = 300.0) -> None:
        super().__init__(reason)
        self.wait = wait


class QueryWrong(GitHubError):
    """GitHub does not understand the request: a fault of ours, or the API changed."""
