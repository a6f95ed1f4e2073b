"""Pages of REST lists: the parameters that ask for one, and the Link header."""

from urllib.parse import urlencode

from simulator.entities import Account
from simulator.messages import Call


def positive(text: str | None, default: int) -> int:
    """Read a parameter; anything but a positive number counts as absent."""
    return int(text) if text and text.isdecimal() and int(text) > 0 else default


def link_header(call: Call, account: Account, page: int, last: int) -> str:
    """Return the Link header of a page of an account's repositories; empty for a single page."""
    if last == 1:
        return ""
    # GitHub's links lead by the account's id, so that a rename between two pages does no harm.
    kind = "organizations" if call.path.startswith("/org") else "user"
    pages = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page == 1:
        del pages["prev"], pages["first"]
    if page >= last:
        del pages["next"], pages["last"]
    if page > last:
        pages["prev"] = last
    parts = []
    for relation, number in pages.items():
        query = {**{k: v for k, v in call.query.items() if k != "page"}, "page": str(number)}
        address = f"{call.base}/{kind}/{account.id}/repos?{urlencode(query)}"
        parts.append(f'<{address}>; rel="{relation}"')
    return ", ".join(parts)
