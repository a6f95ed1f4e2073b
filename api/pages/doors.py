"""Who may send the pages' forms: where ``API_KEY`` is set only who gave it, and no other site ever.

A form is taken when the browser says that it comes from our own pages, and when it holds the token
that belongs to the visitor's cookie. Whoever gave the key has a signed cookie that ends; the key
itself is in no cookie, and the signature is not made with it directly, so that a cookie that was
copied is of little help in guessing it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.responses import Response
from pydantic import SecretStr

SESSION = "repopulse_session"
VISIT = "repopulse_visit"
TOKEN = "form_token"  # noqa: S105 - the name of a field

LASTS = timedelta(hours=12)

_MOST_FIELDS = 20
_LONGEST_COOKIE = 1000
_ALGORITHM = "HS256"
_OURS = frozenset({"same-origin", "none"})
"""What ``Sec-Fetch-Site`` says of our own forms, and of an address that a person typed."""


class NoKeyError(Exception):
    """The form needs a visitor who gave the key."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visitor's secret, that the tokens of forms are made from."""

    secret: str
    is_new: bool

    @property
    def form_token(self) -> str:
        """Return what each form of this visitor has to hold."""
        return hashlib.sha256(f"form {self.secret}".encode()).hexdigest()

    def keep(self, request: Request, answer: Response) -> None:
        """Give a new visitor the cookie."""
        if self.is_new:
            _set(request, answer, VISIT, self.secret, None)


class Doors:
    """The doors of one application."""

    def __init__(self, api_key: SecretStr | None) -> None:
        self._key = None if api_key is None else api_key.get_secret_value().encode()
        # Slow on purpose, once a process: see above.
        self._seal = (
            b""
            if self._key is None
            else hashlib.scrypt(self._key, salt=b"repopulse session", n=2**14, r=8, p=1, dklen=32)
        )

    @property
    def needs_key(self) -> bool:
        """Tell whether a key is set at all."""
        return self._key is not None

    def fits(self, key: str) -> bool:
        """Tell whether this is the key."""
        # As bytes: a form may hold half a surrogate pair, which is no text that can be compared.
        given = key.encode("utf-8", "surrogatepass")
        return self._key is not None and hmac.compare_digest(given, self._key)

    def are_open(self, request: Request) -> bool:
        """Tell whether a visitor may act: no key is needed, or it was given not long ago."""
        if self._key is None:
            return True
        given = request.cookies.get(SESSION, "")
        if len(given) > _LONGEST_COOKIE:
            return False
        # Only who has a key pays for the megabytes of cryptography.
        import jwt  # noqa: PLC0415

        try:
            jwt.decode(given, self._seal, [_ALGORITHM], options={"require": ["exp"]})
        except jwt.InvalidTokenError:
            return False
        return True

    def visit(self, request: Request) -> Visit:
        """Return the visitor's secret, or a new one."""
        if self._key is not None and self.are_open(request):
            return Visit(request.cookies[SESSION], is_new=False)
        given = request.cookies.get(VISIT, "")
        if given and len(given) <= _LONGEST_COOKIE:
            return Visit(given, is_new=False)
        return Visit(secrets.token_urlsafe(24), is_new=True)

    def admit(self, request: Request, answer: Response) -> None:
        """Give the cookie to a visitor who gave the key."""
        import jwt  # noqa: PLC0415

        claims = {"exp": datetime.now(UTC) + LASTS, "jti": secrets.token_hex(8)}
        _set(request, answer, SESSION, jwt.encode(claims, self._seal, _ALGORITHM), LASTS)

    def dismiss(self, answer: Response) -> None:
        """Take the cookie back."""
        answer.delete_cookie(SESSION, httponly=True, samesite="strict")


def doors_of(request: Request) -> Doors:
    """Return the doors of the application that serves a request."""
    doors: Doors = request.app.state.doors
    return doors


def _set(
    request: Request, answer: Response, name: str, value: str, lasts: timedelta | None
) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=None if lasts is None else int(lasts.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


async def _own_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that one of our own pages sent.

    :raise HTTPException: another site sent it, or its token is not the visitor's
    """
    _refuse_other_sites(request)
    fields = _fields(await request.body())
    visit = doors_of(request).visit(request)
    given = fields.get(TOKEN, "").encode("utf-8", "surrogatepass")
    if visit.is_new or not hmac.compare_digest(given, visit.form_token.encode()):
        raise HTTPException(403, "this form is too old: go back, load the page again and send it")
    return fields


def _refuse_other_sites(request: Request) -> None:
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    is_ours = site is None or site in _OURS
    if origin is not None:
        try:
            # Without the scheme: before us may be a proxy that speaks https.
            is_ours = is_ours and urlsplit(origin).netloc == request.headers.get("host", "")
        except ValueError:
            is_ours = False
    if not is_ours:
        raise HTTPException(403, "another site sent this form: nothing was done")


def _fields(body: bytes) -> dict[str, str]:
    try:
        # A stray byte becomes a character that no login and no key has.
        return dict(
            parse_qsl(
                body.decode("ascii", "replace"),
                keep_blank_values=True,
                max_num_fields=_MOST_FIELDS,
            )
        )
    except ValueError as error:
        raise HTTPException(403, "this form has more fields than any of ours") from error


async def _form_with_key(request: Request) -> dict[str, str]:
    """Return the fields of an own form of a visitor who may act.

    :raise NoKeyError: the key was not given, or too long ago
    """
    # In this order: to be told to log in is for whoever sits at our own page.
    _refuse_other_sites(request)
    if not doors_of(request).are_open(request):
        raise NoKeyError
    return await _own_form(request)


OwnForm = Annotated[dict[str, str], Depends(_own_form)]
"""The fields of a form that needs no key."""

ActingForm = Annotated[dict[str, str], Depends(_form_with_key)]
"""The fields of a form that acts: it needs the key where one is set."""
