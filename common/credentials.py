"""The credential for requests to GitHub, and whether GitHub refuses it.

Only one credential is used at a time: GitHub's terms forbid pooling tokens to exceed its limits.
What the processes share about it is in Redis, under a fingerprint that does not reveal it.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from pydantic import SecretStr

from common.errors import SetupError
from common.github_server import GITHUB_COM
from common.settings import Settings

REFUSAL_SECONDS = 3 * 3600
"""Seconds for which workers do not try a refused credential again."""


@dataclass(frozen=True, slots=True)
class Token:
    """A personal access token."""

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
    """Return the credential of the settings, or None for anonymous requests.

    :raise SetupError: the settings have two credentials, or a part of one
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
            f"GITHUB_TOKEN and {given[0]} are both set, but GitHub's terms allow only one"
            " credential at a time: unset one of them"
        )
    if (
        settings.github_app_id is None
        or settings.github_app_private_key is None
        or settings.github_app_installation_id is None
    ):
        missing = " and ".join(name for name in app if name not in given)
        raise SetupError(
            f"{given[0]} is set and {missing} is not: a GitHub App needs all three; set them"
        )
    return Installation(
        settings.github_app_id,
        settings.github_app_installation_id,
        settings.github_app_private_key,
    )


def fingerprint(credential: Credential, github: str = GITHUB_COM) -> str:
    """Return a short name that does not reveal the credential and changes when it changes.

    The fingerprint of an installation stays the same, although its tokens change every hour.

    :param github: the name of the GitHub, each of which counts anonymous requests by itself
    """
    if credential is None:
        return "anonymous" if github == GITHUB_COM else f"anonymous@{github}"
    if isinstance(credential, Token):
        secret = credential.value.get_secret_value()
    else:
        key = credential.private_key.get_secret_value()
        secret = f"{credential.app_id} {credential.installation_id} {key}"
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def refusal_key(name: str) -> str:
    """Return the Redis key that exists while GitHub refuses a credential."""
    return f"repopulse:github:{name}:refused"


def quota_key(name: str, resource: str) -> str:
    """Return the Redis key of the hour's remaining quota, a hash described in ``acquire.lua``."""
    return f"repopulse:github:{name}:{resource}"


def block_key(name: str) -> str:
    """Return the Redis key of how long GitHub said to wait, a hash described in ``acquire.lua``."""
    return f"repopulse:github:{name}:block"


def expiry_key(name: str) -> str:
    """Return the Redis key of when a token expires, as epoch seconds."""
    return f"repopulse:github:{name}:expires"


def get_expiry(client: "redis.Redis", name: str) -> datetime | None:
    """Return when a token expires, as GitHub said in the last two days; None if it did not say.

    :param name: the credential's fingerprint
    :raise redis.RedisError: Redis does not answer
    """
    epoch = client.get(expiry_key(name))
    return None if epoch is None else datetime.fromtimestamp(float(epoch), UTC)


def is_refused(client: "redis.Redis", name: str) -> bool:
    """Return whether GitHub refused a credential twice in a row within ``REFUSAL_SECONDS``.

    Workers send no request with it until it changes or that time has passed.

    :param name: the credential's fingerprint
    :raise redis.RedisError: Redis does not answer
    """
    return client.exists(refusal_key(name)) > 0
