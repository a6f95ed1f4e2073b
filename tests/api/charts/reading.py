"""Reads an SVG chart as people do: by the ticks of its axes and its texts."""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True, slots=True)
class Axes:
    """The ticks of one panel, each with its coordinate in pixels."""

    values: list[tuple[int, float]]
    days: list[tuple[date, float]]

    def y(self, value: int) -> float:
        """Return the y coordinate of a value."""
        (low, bottom), (high, top) = self.values[0], self.values[-1]
        return bottom + (value - low) / (high - low) * (top - bottom)

    def x(self, day: date) -> float:
        """Return the x coordinate of a day."""
        (first, left), (last, right) = self.days[0], self.days[-1]
        return left + (day - first).days / (last - first).days * (right - left)


def read_axes(svg: str) -> list[Axes]:
    """Return the axes of each panel, from the top."""
    elements = list(ET.fromstring(svg))
    values: list[list[tuple[int, float]]] = []
    days: list[tuple[date, float]] = []
    for tick, label in pairwise(elements):
        if tick.get("class") != "grid" or label.tag != f"{SVG}text":
            continue
        x, _, y = tick.get("d", "")[1:].replace("h", " ").replace("v", " ").partition(" ")
        text = label.text or ""
        if "v" in tick.get("d", ""):
            before = days[-1][0] if days else None
            days.append((read_day(text, before), float(x)))
        else:
            place = float(y.split(" ")[0])
            # The ticks of a panel go upwards; the next panel starts further down.
            if not values or place > values[-1][-1][1]:
                values.append([])
            values[-1].append((int(text.replace(",", "")), place))
    return [Axes(of_panel, days) for of_panel in values]


def read_day(label: str, before: date | None) -> date:
    """Return the day of a tick: "5 Nov 2025", "Nov 2025" or "2025"; the year of the one before."""
    day, month, year = 1, 1, before.year if before else 0
    for word in label.split():
        if word in _MONTHS:
            month = _MONTHS.index(word) + 1
        elif len(word) == 4:
            year = int(word)
        else:
            day = int(word)
    return date(year, month, day)


def texts(svg: str) -> list[str]:
    """Return all visible texts of a picture."""
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def read_title(svg: str) -> str:
    """Return the title of a picture."""
    return ET.fromstring(svg).findtext(f"{SVG}title") or ""


def read_description(svg: str) -> str:
    """Return the description of a picture."""
    return ET.fromstring(svg).findtext(f"{SVG}desc") or ""
