"""Log in to the pages with ``API_KEY``: a signed session cookie, and forms that need it.

Viewing needs no session. Where ``API_KEY`` is set, forms that change something do. The cookie holds
the time of the login and a signature; the server stores no sessions. Calls under ``/v1`` take the
key in a header and ignore the cookie.
"""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request
from fastapi.responses import Response
from itsdangerous import BadSignature, TimestampSigner
from pydantic import SecretStr

from api.http.public_url import PublicUrl, public_url_of
from api.pages.origin import block_cross_site

SESSION_COOKIE = "repopulse_session"
SESSION_LIFETIME = timedelta(hours=12)

_SESSION_VALUE = "logged-in"
_MAX_COOKIE_LENGTH = 1000
_MAX_COOKIES = 10
_MAX_FORM_FIELDS = 20


class NotLoggedInError(Exception):
    """The form needs a session, and the visitor has none."""


class Auth:
    """Check keys and sessions for one application; without a key every visitor may act.

    :param url: where visitors see the pages, which the cookie is restricted to
    :param is_read_only: visitors may not change anything, and there is no login
    """

    def __init__(
        self, api_key: SecretStr | None, url: PublicUrl, *, is_read_only: bool = False
    ) -> None:
        self._url = url
        self._is_read_only = is_read_only
        self._key = None if api_key is None else api_key.get_secret_value().encode()
        self._signer = None if self._key is None else make_signer(self._key)

    @property
    def needs_key(self) -> bool:
        """Return whether visitors may act after they log in with ``API_KEY``."""
        return self._key is not None and not self._is_read_only

    def check_key(self, key: str) -> bool:
        """Return whether this is the key, in constant time."""
        # As bytes: a form can contain half a surrogate pair, which compare_digest refuses as text.
        given = key.encode("utf-8", "surrogatepass")
        return self._key is not None and hmac.compare_digest(given, self._key)

    def is_logged_in(self, request: Request) -> bool:
        """Return whether the visitor may act: no key is set, or the session cookie is valid."""
        if self._is_read_only:
            return False
        if self._signer is None:
            return True
        return any(map(self._is_valid, islice(_session_cookies(request), _MAX_COOKIES)))

    def _is_valid(self, cookie: str) -> bool:
        assert self._signer is not None  # noqa: S101 - the caller checked it
        if len(cookie) > _MAX_COOKIE_LENGTH:
            return False
        try:
            self._signer.unsign(cookie, max_age=int(SESSION_LIFETIME.total_seconds()))
        except BadSignature:
            return False
        return True

    def log_in(self, request: Request, response: Response) -> None:
        """Set the session cookie; the caller has checked the key."""
        assert self._signer is not None  # noqa: S101 - without a key there is nothing to log in to
        response.set_cookie(
            SESSION_COOKIE,
            self._signer.sign(_SESSION_VALUE).decode(),
            max_age=int(SESSION_LIFETIME.total_seconds()),
            path=self._url.cookie_path,
            httponly=True,
            samesite="strict",
            secure=self._url.is_https(request),
        )

    def log_out(self, request: Request, response: Response) -> None:
        """Delete the session cookie."""
        response.delete_cookie(
            SESSION_COOKIE,
            path=self._url.cookie_path,
            httponly=True,
            samesite="strict",
            secure=self._url.is_https(request),
        )


def _session_cookies(request: Request) -> Iterator[str]:
    """Return the values of every session cookie that the browser sent.

    They are several where another installation is at the root of the same host: its cookie is sent
    here too.
    """
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == SESSION_COOKIE:
                yield value


def make_signer(key: bytes) -> TimestampSigner:
    """Return the signer of session cookies.

    It signs with a secret that scrypt derives from the key, so that a stolen cookie hardly helps to
    guess the key. This takes some 50 ms, once per process.
    """
    secret = hashlib.scrypt(key, salt=b"repopulse session", n=2**14, r=8, p=1, dklen=32)
    return TimestampSigner(secret, salt="repopulse session", digest_method=hashlib.sha256)


def auth_of(request: Request) -> Auth:
    """Return the ``Auth`` of the application that serves a request."""
    auth: Auth = request.app.state.auth
    return auth


async def _own_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that one of our own pages sent.

    :raise HTTPException: another site sent it, or it has too many fields
    """
    block_cross_site(request, public_url_of(request))
    # A byte that is not ASCII becomes U+FFFD, which no login and no key contains.
    body = (await request.body()).decode("ascii", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS))
    except ValueError as error:
        raise HTTPException(422, "Too many form fields.") from error


async def _logged_in(request: Request) -> None:
    """Refuse a request that changes something, without reading its body.

    :raise HTTPException: another site sent it
    :raise NotLoggedInError: the visitor has no valid session
    """
    block_cross_site(request, public_url_of(request))
    if not auth_of(request).is_logged_in(request):
        raise NotLoggedInError


async def _logged_in_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that changes something.

    :raise HTTPException: another site sent it, or it has too many fields
    :raise NotLoggedInError: the visitor has no valid session
    """
    await _logged_in(request)
    return await _own_form(request)


LoggedIn = Annotated[None, Depends(_logged_in)]
"""Of requests that change something and have another body than a form."""

OwnForm = Annotated[dict[str, str], Depends(_own_form)]
"""The fields of a form that needs no session."""

LoggedInForm = Annotated[dict[str, str], Depends(_logged_in_form)]
"""The fields of a form that needs a session where ``API_KEY`` is set."""
