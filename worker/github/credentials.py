"""What authorizes a request: nothing, a token, or a token of an App's installation.

An installation's token lasts an hour. It is fetched with a JWT that the App's private key signs,
and renewed some minutes before it expires. Each process has its own.
"""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import httpx

from common.credentials import Credential, Installation, Token
from common.errors import SetupError
from common.log import register_secret
from worker.github.budget import Budget
from worker.github.errors import CredentialsRefused, TryAgain
from worker.github.meaning import Answer, Meaning, read_rest
from worker.github.observation import read_word
from worker.github.wire import exchange

_RENEW_BEFORE = 300.0
"""Seconds before its expiry at which a token is renewed: longer than any request takes."""

_BACKDATED = 60.0
"""Seconds by which a JWT is backdated: GitHub refuses a JWT from the future."""

_JWT_SECONDS = 540.0
"""GitHub allows ten minutes, by its own clock."""


class Credentials(Protocol):
    """What authorizes requests."""

    are_renewed: bool
    """Whether a token that expires is replaced without the operator."""

    def authorization(self) -> str | None:
        """Return the value of the Authorization header; None if there is none to send.

        :raise GitHubError: a token cannot be fetched now
        """

    def renew(self) -> None:
        """Drop what ``authorization`` returned, because GitHub refused it."""


class FixedCredentials:
    """A token, or nothing."""

    are_renewed = False

    def __init__(self, credential: Token | None) -> None:
        self._header = None if credential is None else _bearer(credential.value.get_secret_value())

    def authorization(self) -> str | None:
        """Return the token's header."""
        return self._header

    def renew(self) -> None:
        """Do nothing: a token cannot be renewed."""


class InstallationCredentials:
    """The tokens of one installation of a GitHub App.

    :param now: epoch seconds by this host's clock, which may be wrong
    """

    are_renewed = True

    def __init__(
        self,
        installation: Installation,
        client: httpx.Client,
        budget: Budget,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._installation = installation
        self._key = _read_key(installation.private_key.get_secret_value())
        self._client = client
        self._budget = budget
        self._now = now
        self._clock_offset = 0.0
        """Seconds by which GitHub's clock is ahead of this host's."""
        self._token: str | None = None
        self._expires = 0.0
        # A key that cannot sign is reported when the worker starts, not at the first scan.
        self._sign()

    def authorization(self) -> str | None:
        """Return a header with a token that is valid for some minutes at least."""
        if self._token is None or self._now() > self._expires - _RENEW_BEFORE:
            self._fetch()
        assert self._token is not None  # noqa: S101 - it was fetched
        return _bearer(self._token)

    def renew(self) -> None:
        """Drop the token: the next request fetches another."""
        self._token = None

    def _fetch(self) -> None:
        answer = self._ask()
        if answer.meaning is Meaning.CREDENTIALS_REFUSED and answer.date is not None:
            # A JWT is valid for minutes around GitHub's time; this host's clock may be off by more.
            self._clock_offset = answer.date - self._now()
            answer = self._ask()
        elif answer.meaning is Meaning.TRY_AGAIN and not answer.ask_for_less:
            answer = self._ask()
        if answer.meaning in (Meaning.CREDENTIALS_REFUSED, Meaning.GONE, Meaning.BLOCKED):
            raise CredentialsRefused(
                f"GitHub refuses a token to installation {self._installation.installation_id}"
                f" of App {self._installation.app_id}: {answer.reason}",
                trace=answer.trace,
            )
        data = answer.usable()
        try:
            token, expires = read_word(data["token"]), datetime.fromisoformat(data["expires_at"])
            lasts = expires.timestamp() - (answer.date or self._now())
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise TryAgain("GitHub answered without a token for the installation") from error
        if token is None:
            raise TryAgain("GitHub answered without a token for the installation")
        register_secret(token)
        self._token, self._expires = token, self._now() + lasts

    def _ask(self) -> Answer:
        """Request a token, which costs no points of the installation."""
        permit = self._budget.acquire("core", cost=0, is_load=True)
        answer = Answer(Meaning.TRY_AGAIN, reason="request aborted")
        try:
            path = f"/app/installations/{self._installation.installation_id}/access_tokens"
            proof = _bearer(self._sign())
            headers = {"Authorization": proof}
            request = self._client.build_request("POST", path, headers=headers)
            answer = exchange(self._client, request, read_rest, ends=permit.ends, secret=proof)
            # Its headers are about the App, not about the installation.
            answer = replace(answer, quota=None, token_expires=None)
        finally:
            self._budget.settle(permit, answer)
        return answer

    def _sign(self) -> str:
        # Imported late: it loads megabytes of cryptography, which only an App needs.
        import jwt  # noqa: PLC0415

        now = self._now() + self._clock_offset
        claims = {
            "iat": int(now - _BACKDATED),
            "exp": int(now + _JWT_SECONDS),
            "iss": self._installation.app_id,
        }
        try:
            return jwt.encode(claims, self._key, algorithm="RS256")
        except (jwt.InvalidKeyError, ValueError, TypeError) as error:
            raise SetupError(
                "GITHUB_APP_PRIVATE_KEY is not an RSA private key in PEM format"
            ) from error


def make_credentials(
    credential: Credential,
    client: httpx.Client,
    budget: Budget,
    *,
    now: Callable[[], float] = time.time,
) -> Credentials:
    """Make the credentials of one process.

    :raise SetupError: the App's private key cannot be read, or is not a key
    """
    if isinstance(credential, Installation):
        return InstallationCredentials(credential, client, budget, now=now)
    return FixedCredentials(credential)


def _bearer(token: str) -> str:
    """Return the header's value for a token.

    :raise SetupError: a header cannot carry it; the library's own message would repeat the token
    """
    if not re.fullmatch(r"[!-~]+", token):
        raise SetupError("GITHUB_TOKEN contains a space or another character that no token has")
    return f"Bearer {token}"


def _read_key(setting: str) -> str:
    """Return the key in PEM format; in .env its line breaks are written as backslash and n."""
    text = setting.strip().replace("\\n", "\n")
    if text.startswith("-----BEGIN"):
        return text
    try:
        key = Path(text).expanduser().read_text()
        register_secret(*(line for line in key.splitlines() if "-----" not in line))
        return key
    except (OSError, ValueError) as error:
        # The value is not repeated in the message: it may be a key after all.
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SetupError(
            f"GITHUB_APP_PRIVATE_KEY is neither a key in PEM format nor a readable file: {reason}"
        ) from None
