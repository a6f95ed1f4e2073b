"""Colours. Text has a contrast of at least 4.5:1 with its background, lines one of 3:1."""

from collections.abc import Mapping
from enum import StrEnum

SERIES_COLOURS = 3
"""How many series have a colour of their own."""

COMPARED_COLOURS = 7
"""How many lines of a comparison have a colour of their own."""

_LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "faint": "#59636e",
    "grid": "#d8dee4",
    "gap": "#e4e8eb",
    "one": "#b35900",
    "two": "#0969da",
    "three": "#1a7f37",
    "gained": "#1a7f37",
    "lost": "#b3261e",
    "label": "#4b535d",
    "value": "#0969da",
    "compared0": "#0969da",
    "compared1": "#b35900",
    "compared2": "#1a7f37",
    "compared3": "#8250df",
    "compared4": "#cf222e",
    "compared5": "#0c7285",
    "compared6": "#bf3989",
}

_DARK = {
    "paper": "#0d1117",
    "ink": "#e6edf3",
    "faint": "#9198a1",
    "grid": "#2d333b",
    "gap": "#2b333a",
    "one": "#e3b341",
    "two": "#58a6ff",
    "three": "#3fb950",
    "gained": "#3fb950",
    "lost": "#ff958a",
    "label": "#30363d",
    "value": "#1f6feb",
    "compared0": "#58a6ff",
    "compared1": "#e3b341",
    "compared2": "#3fb950",
    "compared3": "#bc8cff",
    "compared4": "#ff7b72",
    "compared5": "#39c5cf",
    "compared6": "#f778ba",
}


class Theme(StrEnum):
    """The colours of a picture."""

    LIGHT = "light"
    DARK = "dark"
    AUTO = "auto"
    """The preference of the reader's system; light if it states none."""


def style_element(theme: Theme, classes: Mapping[str, tuple[str, str]]) -> str:
    """Return the ``<style>`` element of a picture.

    :param classes: for each class the property to set, ``fill`` or ``stroke``, and the colour's
        name
    """
    rules = _rules(classes, _DARK if theme is Theme.DARK else _LIGHT)
    if theme is Theme.AUTO:
        rules += f"@media (prefers-color-scheme:dark){{{_rules(classes, _DARK)}}}"
    return f"<style>{rules}</style>"


def _rules(classes: Mapping[str, tuple[str, str]], colours: Mapping[str, str]) -> str:
    return "".join(
        f".{name}{{{attribute}:{colours[colour]}}}" for name, (attribute, colour) in classes.items()
    )
