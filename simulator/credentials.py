"""Credentials: tokens of users, GitHub Apps, and the tokens of their installations."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from simulator.entities import Account, Repository
from simulator.world import World

SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
TOKEN_LIFETIME = 3_600


class CredentialKind(StrEnum):
    """What a caller has proved to be."""

    ANONYMOUS = "anonymous"
    USER = "user"
    APP = "app"
    INSTALLATION = "installation"


@dataclass(frozen=True)
class Credential:
    """A caller. Budgets are counted by its key; ETags differ by its token."""

    kind: CredentialKind
    key: str
    account_id: int | None = None
    token: str = ""

    @property
    def authenticated(self) -> bool:
        """Whether the caller proved anything."""
        return self.kind is not CredentialKind.ANONYMOUS

    def sees(self, repository: Repository) -> bool:
        """Whether the caller may see a repository."""
        if not repository.private or (repository.internal and self.authenticated):
            return True
        if self.account_id is None:
            return False
        return self.account_id == repository.owner.id or self.account_id in repository.collaborators


@dataclass(frozen=True)
class App:
    """A GitHub App: accounts by the id of their installation.

    With a public key, as modulus and exponent, the signature of its JWTs is verified.
    """

    id: int
    installations: Mapping[int, Account | None] = field(default_factory=dict)
    client_id: str | None = None
    public_key: tuple[int, int] | None = None


class BadCredentialsError(Exception):
    """The Authorization header proves nothing. The text is GitHub's message."""


class Credentials:
    """The tokens and Apps that exist. If no token is named, every token is accepted."""

    def __init__(
        self, world: World, tokens: Mapping[str, Account | None] | None, apps: list[App]
    ) -> None:
        self._world = world
        self._tokens = None if tokens is None else dict(tokens)
        self._apps = apps
        self._issued: dict[str, tuple[int, float]] = {}
        self.expirations: dict[str, datetime] = {}
        """By token of a user, when it expires; GitHub says so in each answer."""

    def identify(self, authorization: str | None, now: float) -> Credential:
        """Return the caller that sent this header."""
        if authorization is None:
            return Credential(CredentialKind.ANONYMOUS, "127.0.0.1")
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() not in {"bearer", "token"} or not token:
            raise BadCredentialsError("Bad credentials")
        if token in self._issued:
            return self._installation(token, now)
        if self._tokens is not None and token in self._tokens:
            return self._user(token, self._tokens[token])
        if token.count(".") == 2:
            return self._app(token, now)
        if self._tokens is None and not token.startswith("ghs_"):
            return self._user(token, self._world.viewer)
        raise BadCredentialsError("Bad credentials")

    def issue(self, app_id: int, installation_id: int, now: float) -> tuple[str, float] | None:
        """Return a token for an installation of an App and when it ends; None if there is none."""
        app = next((app for app in self._apps if app.id == app_id), None)
        if app is None or installation_id not in app.installations:
            return None
        digest = hashlib.sha256(f"{installation_id}:{len(self._issued)}".encode()).hexdigest()
        token = f"ghs_{digest[:36]}"
        self._issued[token] = installation_id, now + TOKEN_LIFETIME
        return token, now + TOKEN_LIFETIME

    @property
    def issued_tokens(self) -> list[str]:
        """The tokens of installations that were issued and not revoked, in their order."""
        return list(self._issued)

    def revoke(self, token: str) -> None:
        """Refuse a token from now on."""
        self._issued.pop(token, None)
        if self._tokens is not None:
            self._tokens.pop(token, None)

    def _user(self, token: str, account: Account | None) -> Credential:
        if account is None:
            number = int.from_bytes(hashlib.sha256(token.encode()).digest()[:3])
            return Credential(CredentialKind.USER, f"user ID {number}", None, token)
        return Credential(CredentialKind.USER, f"user ID {account.id}", account.id, token)

    def _installation(self, token: str, now: float) -> Credential:
        installation_id, ends = self._issued[token]
        if now >= ends:
            raise BadCredentialsError("Bad credentials")
        account = next(
            a.installations[installation_id]
            for a in self._apps
            if installation_id in a.installations
        )
        return Credential(
            CredentialKind.INSTALLATION,
            f"installation ID {installation_id}",
            account.id if account else None,
            token,
        )

    def _app(self, token: str, now: float) -> Credential:
        refusal = "A JSON web token could not be decoded"
        try:
            header, claims, signature = (_unbase64(part) for part in token.split("."))
            algorithm = json.loads(header)["alg"]
            payload: dict[str, Any] = json.loads(claims)
            issuer = str(payload["iss"])
            issued_at, expires_at = int(payload["iat"]), int(payload["exp"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadCredentialsError(refusal) from error
        if algorithm != "RS256":
            raise BadCredentialsError(refusal)
        app = next((a for a in self._apps if issuer in {str(a.id), a.client_id}), None)
        if app is None:
            raise BadCredentialsError("Integration not found")
        if app.public_key is not None:
            signed = token.rpartition(".")[0].encode()
            if not _verified(signed, signature, app.public_key):
                raise BadCredentialsError(refusal)
        if issued_at > now + 1:
            raise BadCredentialsError("'Issued at' claim ('iat') must be an Integer in the past")
        if expires_at <= now:
            raise BadCredentialsError("'Expiration time' claim ('exp') must be in the future")
        if expires_at > now + 660:
            raise BadCredentialsError("'Expiration time' claim ('exp') is too far in the future")
        return Credential(CredentialKind.APP, f"app ID {app.id}", app.id, token)


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _verified(signed: bytes, signature: bytes, key: tuple[int, int]) -> bool:
    """Verify RSASSA-PKCS1-v1_5 with SHA-256, which is what RS256 means."""
    modulus, exponent = key
    length = (modulus.bit_length() + 7) // 8
    digest = SHA256_PREFIX + hashlib.sha256(signed).digest()
    expected = b"\x00\x01" + b"\xff" * (length - len(digest) - 3) + b"\x00" + digest
    opened = pow(int.from_bytes(signature), exponent, modulus)
    return opened.to_bytes(length) == expected
