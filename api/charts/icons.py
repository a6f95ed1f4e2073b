"""Icons of the counts, drawn on a square of 16 units."""

from enum import StrEnum

from api.charts.path import px

_SIDE = 16


class Icon(StrEnum):
    """What an icon shows, by the metric that it stands for."""

    STAR = "stargazers"
    FORK = "forks"
    EYE = "watchers"


_SHAPES = {
    Icon.STAR: (
        '<path d="M8 1.2l2.1 4.3 4.7.7-3.4 3.3.8 4.7L8 12l-4.2 2.2.8-4.7L1.2 6.2l4.7-.7z"'
        ' fill="{colour}"/>'
    ),
    Icon.FORK: (
        '<path d="M4 4v1.5A2.5 2.5 0 0 0 6.5 8h3A2.5 2.5 0 0 0 12 5.500V4M8 8v4" fill="none"'
        ' stroke="{colour}" stroke-width="1.5"/>'
        '<circle cx="4" cy="3" r="1.9" fill="{colour}"/>'
        '<circle cx="12" cy="3" r="1.9" fill="{colour}"/>'
        '<circle cx="8" cy="13" r="1.9" fill="{colour}"/>'
    ),
    Icon.EYE: (
        '<path d="M1 8c1.7-3 4.2-4.5 7-4.500S13.3 5 15 8c-1.7 3-4.2 4.5-7 4.500S2.7 11 1 8z"'
        ' fill="none" stroke="{colour}" stroke-width="1.5"/>'
        '<circle cx="8" cy="8" r="2.3" fill="{colour}"/>'
    ),
}


def draw_icon(icon: Icon, x: float, y: float, *, size: float, colour: str) -> str:
    """Return an icon as SVG.

    :param x: of its left edge, in pixels, like ``y`` and ``size``
    """
    scale = size / _SIDE
    shape = _SHAPES[icon].format(colour=colour)
    return f'<g transform="translate({px(x)} {px(y)}) scale({scale:g})">{shape}</g>'
