"""Reads a chart as people do: by the marks at its axes."""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class Axes:
    """What the marks of one panel say; the places are pixels."""

    values: list[tuple[int, float]]
    days: list[tuple[date, float]]

    def y(self, value: int) -> float:
        """Return where a value is."""
        (low, bottom), (high, top) = self.values[0], self.values[-1]
        return bottom + (value - low) / (high - low) * (top - bottom)

    def x(self, day: date) -> float:
        """Return where a day is."""
        (first, left), (last, right) = self.days[0], self.days[-1]
        return left + (day - first).days / (last - first).days * (right - left)


def axes(svg: str) -> list[Axes]:
    """Return the axes of each panel, from the top."""
    elements = list(ET.fromstring(svg))
    values: list[list[tuple[int, float]]] = []
    days = []
    for mark, label in pairwise(elements):
        if mark.get("class") != "grid" or label.tag != f"{SVG}text":
            continue
        x, _, y = mark.get("d", "")[1:].replace("h", " ").replace("v", " ").partition(" ")
        text = label.text or ""
        if "v" in mark.get("d", ""):
            days.append((date.fromisoformat(text + "0001-01-01"[len(text) :]), float(x)))
        else:
            place = float(y.split(" ")[0])
            # A panel's marks go up; the next one begins further down.
            if not values or place > values[-1][-1][1]:
                values.append([])
            values[-1].append((int(text.replace(",", "")), place))
    return [Axes(of_panel, days) for of_panel in values]


def texts(svg: str) -> list[str]:
    """Return all that is written in the picture."""
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def said(svg: str, what: str) -> str:
    """Return the title or the description of a picture."""
    return ET.fromstring(svg).findtext(f"{SVG}{what}") or ""
