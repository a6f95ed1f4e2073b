"""Colours. Text stands out from its paper by 4.5 to 1 and more, lines by 3 to 1."""

from collections.abc import Mapping
from enum import StrEnum

SERIES = 3
"""How many series have a colour of their own."""

_LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "faint": "#59636e",
    "grid": "#d8dee4",
    "gap": "#f0f2f5",
    "one": "#b35900",
    "two": "#0969da",
    "three": "#1a7f37",
    "label": "#4b535d",
    "value": "#0969da",
}

_DARK = {
    "paper": "#0d1117",
    "ink": "#e6edf3",
    "faint": "#9198a1",
    "grid": "#2d333b",
    "gap": "#1a2029",
    "one": "#e3b341",
    "two": "#58a6ff",
    "three": "#3fb950",
    "label": "#30363d",
    "value": "#1f6feb",
}


class Theme(StrEnum):
    """On which paper a picture is drawn."""

    LIGHT = "light"
    DARK = "dark"
    AUTO = "auto"
    """As the reader's system has it; light where that is not known."""


def styled(theme: Theme, rules: Mapping[str, tuple[str, str]]) -> str:
    """Return the style sheet of a picture.

    :param rules: by class what is coloured, ``fill`` or ``stroke``, and the colour's name
    """
    sheet = _sheet(rules, _DARK if theme is Theme.DARK else _LIGHT)
    if theme is Theme.AUTO:
        sheet += f"@media (prefers-color-scheme:dark){{{_sheet(rules, _DARK)}}}"
    return f"<style>{sheet}</style>"


def _sheet(rules: Mapping[str, tuple[str, str]], colours: Mapping[str, str]) -> str:
    return "".join(f".{name}{{{what}:{colours[colour]}}}" for name, (what, colour) in rules.items())
