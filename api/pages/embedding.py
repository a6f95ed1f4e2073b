"""``/repos/{id}/embed`` and ``/users/{id}/embed``: code that shows a picture elsewhere."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.charts.card import HEIGHT as CARD_HEIGHT
from api.charts.card import WIDTH as CARD_WIDTH
from api.charts.theme import Theme
from api.dependencies import Database
from api.http.public_url import public_url_of
from api.http.transactions import read
from api.pages.frames import FRAME_HEIGHTS
from api.pages.layout import page
from api.v1.fields import MAX_ID
from api.v1.images import ChartMetric
from api.v1.repositories import get_named_repository
from api.v1.users import get_tracked_user

router = APIRouter()

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>!&~|])")

_FRAME_EXTRA = 60
"""Pixels of a frame beside its chart: the title and the edges."""


_METRICS = {
    ChartMetric.STARGAZERS: "Stars",
    ChartMetric.FORKS: "Forks",
    ChartMetric.WATCHERS: "Watchers",
    ChartMetric.ALL: "All three",
}
_THEMES = {Theme.AUTO: "The reader's", Theme.LIGHT: "Light", Theme.DARK: "Dark"}


class What(StrEnum):
    """What is to be shown elsewhere."""

    CHART = "chart"
    PNG = "png"
    BADGE = "badge"
    CARD = "card"
    FRAME = "frame"

    @property
    def label(self) -> str:
        """The name on the page."""
        return {
            "chart": "Chart (SVG)",
            "png": "Chart (PNG)",
            "badge": "Badge",
            "card": "Card (PNG)",
            "frame": "Frame",
        }[self.value]


class Size(StrEnum):
    """The size of a chart in pixels."""

    SMALL = "400x240"
    MEDIUM = "600x300"
    LARGE = "800x400"

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height."""
        width, _, height = self.partition("x")
        return int(width), int(height)


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """What the visitor chose."""

    what: What = What.CHART
    metric: ChartMetric = ChartMetric.STARGAZERS
    theme: Theme = Theme.AUTO
    size: Size = Size.MEDIUM


async def _options(
    what: What = What.CHART,
    metric: ChartMetric = ChartMetric.STARGAZERS,
    theme: Theme = Theme.AUTO,
    size: Size = Size.MEDIUM,
) -> EmbedOptions:
    return EmbedOptions(what, metric, theme, size)


Chosen = Annotated[EmbedOptions, Depends(_options)]


@dataclass(frozen=True, slots=True)
class Code:
    """Code to paste.

    :param address: of the picture or frame
    :param html: for any page, and for a README at GitHub unless it is a frame
    :param markdown: None for a frame, which Markdown does not have
    """

    address: str
    html: str
    markdown: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A repository or user.

    :param resource: its path, as below ``/v1``
    """

    name: str
    resource: str

    def code(self, base: str, options: EmbedOptions) -> Code:
        """Return the code that shows it elsewhere.

        :param base: the URL of ``/`` for visitors of other sites, without its slash
        """
        link, label = base + self.resource, self._label(options)
        path, query, (width, height) = _picture(self.resource, options)

        def address(theme: Theme) -> str:
            return f"{base}{path}?{'&'.join((*query, f'theme={theme}'))}"

        if options.what is What.FRAME:
            code = (
                f'<iframe src="{html.escape(address(options.theme))}" width="{width}"'
                f' height="{height}" title="{html.escape(label)}" loading="lazy"></iframe>'
            )
            return Code(address(options.theme), code, None)
        size = f' width="{width}" height="{height}"' if width else ""

        def image(theme: Theme) -> str:
            source = html.escape(address(theme))
            return f'<img src="{source}" alt="{html.escape(label)}"{size}>'

        shown = image(options.theme)
        if options.theme is Theme.AUTO:
            # Pages that let readers choose a theme, such as GitHub's, choose the source by it.
            dark = html.escape(address(Theme.DARK))
            source = f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
            shown = f"<picture>{source}{image(Theme.LIGHT)}</picture>"
        alt = _MARKDOWN_SPECIAL.sub(r"\\\1", label)
        return Code(
            address(options.theme),
            f'<a href="{html.escape(link)}">{shown}</a>',
            f"[![{alt}]({address(options.theme)})]({link})",
        )

    def _label(self, options: EmbedOptions) -> str:
        if options.what is What.CARD or options.metric is ChartMetric.ALL:
            return f"Stars, forks and watchers of {self.name}"
        return f"{options.metric.metrics[0].label} of {self.name}"


def _picture(resource: str, options: EmbedOptions) -> tuple[str, Sequence[str], tuple[int, int]]:
    """Return path, query without the theme, and size in pixels; zero where it is the picture's."""
    width, height = options.size.pixels
    is_all = options.metric is ChartMetric.ALL
    if is_all:
        height = height * 3 // 2
    chart = (f"metric={options.metric}", f"width={width}", f"height={height}")
    match options.what:
        case What.CHART:
            return f"/v1{resource}/chart.svg", chart, (width, height)
        case What.PNG:
            return f"/v1{resource}/chart.png", (*chart, "scale=2"), (width, height)
        case What.BADGE:
            badge = (f"metric={options.metric.metrics[0]}", "logo=true")
            return f"/v1{resource}/badge.svg", badge, (0, 0)
        case What.CARD:
            return f"/v1{resource}/card.png", (), (CARD_WIDTH // 2, CARD_HEIGHT // 2)
        case What.FRAME:
            frame = (width, FRAME_HEIGHTS[is_all] + _FRAME_EXTRA)
            return f"/embed{resource}", (f"metric={options.metric}",), frame


@router.get("/repos/{repo_id}/embed")
def show_code_of_repository(
    request: Request,
    database: Database,
    repo_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    options: Chosen,
) -> Response:
    """Show code for a repository."""
    name = read(database, lambda connection: get_named_repository(connection, repo_id).full_name)
    return _show(request, Subject(name, f"/repos/{repo_id}"), options)


@router.get("/users/{user_id}/embed")
def show_code_of_user(
    request: Request,
    database: Database,
    user_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    options: Chosen,
) -> Response:
    """Show code for a user."""
    name = read(database, lambda connection: get_tracked_user(connection, user_id).login)
    return _show(request, Subject(name, f"/users/{user_id}"), options)


def _show(request: Request, subject: Subject, options: EmbedOptions) -> Response:
    url = public_url_of(request)
    return page(
        request,
        "embedding.html",
        subject=subject,
        options=options,
        code=subject.code(url.base(request), options),
        # The same code with addresses of this page's own host, which the policy of pages demands.
        preview=subject.code(url.path, options),
        whats=[(what.value, what.label) for what in What],
        metrics=[(metric.value, _METRICS[metric]) for metric in ChartMetric],
        themes=[(theme.value, _THEMES[theme]) for theme in (Theme.AUTO, Theme.LIGHT, Theme.DARK)],
        sizes=[(size.value, size.replace("x", " \N{MULTIPLICATION SIGN} ")) for size in Size],
    )
