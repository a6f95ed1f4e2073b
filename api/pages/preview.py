"""What chats and searches show of a link to a page: its title, a sentence and its card."""

from dataclasses import dataclass

from fastapi import Request

from api.charts.card import HEIGHT, WIDTH
from api.http.public_url import public_url_of
from api.queries.repository_list import Entry
from api.queries.user_list import Listed
from common.plural import plural


@dataclass(frozen=True, slots=True)
class Preview:
    """The tags of Open Graph; addresses are absolute, as who reads them needs them.

    :param image: the address of the card
    """

    title: str
    text: str
    url: str
    image: str
    width: int = WIDTH
    height: int = HEIGHT


def of_repository(request: Request, entry: Entry) -> Preview:
    """Return the preview of a repository's page."""
    base = public_url_of(request).base(request)
    counts = ""
    if entry.latest is not None:
        counts = (
            f"{plural(entry.latest.stargazers, 'star')}, {plural(entry.latest.forks, 'fork')},"
            f" {plural(entry.latest.watchers, 'watcher')} on {entry.last_day}. "
        )
    return Preview(
        entry.full_name,
        counts + (entry.description or "Stars, forks and watchers, day by day."),
        f"{base}/repos/{entry.id}",
        f"{base}/v1/repos/{entry.id}/card.png",
    )


def of_user(request: Request, user: Listed) -> Preview:
    """Return the preview of a user's page."""
    base = public_url_of(request).base(request)
    names = user.login if user.name == user.login else f"{user.name} ({user.login})"
    return Preview(
        names,
        f"Stars, forks and watchers of the repositories of {user.login}, day by day.",
        f"{base}/users/{user.id}",
        f"{base}/v1/users/{user.id}/card.png",
    )
