"""Which credential GitHub is asked with, and whether GitHub refuses it.

One credential is used at a time: GitHub's terms forbid pooling tokens to exceed its limits. What
all processes know of a credential is kept in Redis under a name that tells nothing of it.
"""

import hashlib
from dataclasses import dataclass

import redis
from pydantic import SecretStr

from common.errors import SetupError
from common.settings import Settings

REFUSAL_SECONDS = 3 * 3600
"""Seconds for which a refused credential is not tried again, unless it changes."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as GitHub gives it to a user."""

    value: SecretStr


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation of a GitHub App.

    :param private_key: the key in PEM format, or the path of a file that holds it
    """

    app_id: str
    installation_id: int
    private_key: SecretStr


Credential = Token | Installation | None


def choose_credential(settings: Settings) -> Credential:
    """Return the one credential that the settings give; None asks GitHub anonymously.

    :raise SetupError: they give two, or half of one
    """
    app = {
        "GITHUB_APP_ID": settings.github_app_id,
        "GITHUB_APP_PRIVATE_KEY": settings.github_app_private_key,
        "GITHUB_APP_INSTALLATION_ID": settings.github_app_installation_id,
    }
    given = [name for name, value in app.items() if value is not None]
    if not given:
        return None if settings.github_token is None else Token(settings.github_token)
    if settings.github_token is not None:
        raise SetupError(
            f"GITHUB_TOKEN and {given[0]} are both set: one credential is used at a time, since"
            " GitHub's terms forbid adding up their limits; unset one"
        )
    if (
        settings.github_app_id is None
        or settings.github_app_private_key is None
        or settings.github_app_installation_id is None
    ):
        missing = " and ".join(name for name in app if name not in given)
        raise SetupError(f"{given[0]} is set and {missing} is not: a GitHub App needs all three")
    return Installation(
        settings.github_app_id,
        settings.github_app_installation_id,
        settings.github_app_private_key,
    )


def fingerprint(credential: Credential) -> str:
    """Return a name that tells nothing of the credential, and changes when it changes.

    An installation has one name, although its tokens change every hour.
    """
    if credential is None:
        return "anonymous"
    if isinstance(credential, Token):
        secret = credential.value.get_secret_value()
    else:
        key = credential.private_key.get_secret_value()
        secret = f"{credential.app_id} {credential.installation_id} {key}"
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def refusal_key(name: str) -> str:
    """Return the key in Redis that is there while GitHub refuses the credential of this name."""
    return f"repopulse:github:{name}:refused"


def quota_key(name: str, resource: str) -> str:
    """Return the key in Redis of what is left of an hour: a hash that ``acquire.lua`` describes."""
    return f"repopulse:github:{name}:{resource}"


def block_key(name: str) -> str:
    """Return the key in Redis of what GitHub said about waiting: a hash, see ``acquire.lua``."""
    return f"repopulse:github:{name}:block"


def is_refused(client: "redis.Redis", name: str) -> bool:
    """Tell whether GitHub refused the credential of this name twice in a row, not long ago.

    Workers ask nothing with it until it changes, or until ``REFUSAL_SECONDS`` has passed.

    :raise redis.RedisError: Redis does not answer
    """
    return client.exists(refusal_key(name)) > 0
