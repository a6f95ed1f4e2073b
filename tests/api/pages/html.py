"""Parses a page into a tree of elements, loads pages and fills forms as a browser does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from starlette.testclient import TestClient

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

UNKNOWN = "\N{EN DASH}unknown"
"""A dash for the eye, a word for screen readers."""

_VOID = {"meta", "link", "input", "br", "img", "hr", "source"}


@dataclass
class Element:
    """An element; its text includes that of its descendants."""

    tag: str
    attributes: dict[str, str | None]
    children: list["Element | str"] = field(default_factory=list)

    def walk(self) -> Iterator["Element"]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str, **attributes: str) -> list["Element"]:
        """Return the elements with a tag and attributes; write ``class_`` for ``class``."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.walk()
            if element.tag == tag and wanted.items() <= element.attributes.items()
        ]

    def one(self, tag: str, **attributes: str) -> "Element":
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def text(self) -> str:
        parts = (
            child if isinstance(child, str) else child.text
            for child in self.children
            if isinstance(child, str) or child.tag not in {"script", "style"}
        )
        return re.sub(r"\s+", " ", "".join(parts)).strip()

    def rows(self) -> list[list[str]]:
        """Return the texts of the cells in a table's body."""
        return [
            [cell.text for cell in row.walk() if cell.tag in {"th", "td"}]
            for row in self.one("tbody").all("tr")
        ]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    @property
    def unclosed(self) -> list[str]:
        """The tags of the elements that are still open."""
        return [element.tag for element in self._open[1:]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parse(text: str) -> Element:
    """Parse a page; fail if an element is not closed where it belongs."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert not builder.unclosed
    return builder.root


def load(client: TestClient, path: str, *, status: int = 200) -> Element:
    """Load a page with the headers of a browser."""
    response = client.get(path, headers=BROWSER)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return parse(response.text)


def fill(page: Element, action: str, **values: str) -> dict[str, str]:
    """Return the fields of a form with some values filled in, as a browser sends them."""
    form = page.one("form", action=action, method="post")
    fields = {
        name: field.attributes.get("value") or ""
        for field in form.all("input")
        if (name := field.attributes.get("name"))
    }
    return fields | values
