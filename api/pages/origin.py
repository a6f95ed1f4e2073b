"""Refuse forms of other sites, and say what to do where a proxy makes our own look like one."""

from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from api.http.public_url import PublicUrl

_BLOCKED = "Cross-site request blocked."

_MAX_LENGTH = 100


def block_cross_site(request: Request, url: PublicUrl) -> None:
    """Refuse a form of another site.

    Every current browser sends ``Origin`` with a form, and ``Sec-Fetch-Site`` over HTTPS. Neither
    is sent by programs, which no other site can make act for a visitor.

    :raise HTTPException: another site sent it, or a proxy in front of the API hides that ours did
    """
    # "none": the user reloaded the page or typed the address.
    is_vouched_for = request.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
    if not is_vouched_for:
        raise HTTPException(403, _BLOCKED)
    origin = request.headers.get("origin")
    if origin is None or _is_own(origin, request, url):
        return
    raise HTTPException(403, f"{_BLOCKED} {_likely_cause(origin, request, url)}")


def _is_own(origin: str, request: Request, url: PublicUrl) -> bool:
    if origin == url.origin:
        return True
    try:
        # Without the scheme: a proxy in front of the API may speak HTTPS.
        return urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:
        return False


def _likely_cause(origin: str, request: Request, url: PublicUrl) -> str:
    """Return what an operator may have to change, if the form was one of our own."""
    if origin == "null":
        return (
            "The browser did not send the form's origin. If the form is from this site, a proxy in"
            " front of it sets its own Referrer-Policy: it must leave that header as it is."
        )
    host = request.headers.get("host", "")
    seen = f"The form is from {origin[:_MAX_LENGTH]}, and Host is {host[:_MAX_LENGTH]}"
    if url.origin is not None:
        return f"{seen}. If the form is from this site, PUBLIC_URL is wrong: it is {url.url}."
    return (
        f"{seen}. If the form is from this site, the proxy in front of it does not pass Host: set"
        " PUBLIC_URL, or make the proxy pass it (nginx: proxy_set_header Host $http_host)."
    )
