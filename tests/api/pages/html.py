"""A page as a tree, for tests that look for what is shown and where."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from starlette.testclient import TestClient

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

UNKNOWN = "\N{EN DASH}not known"
"""A dash for those who see it, and words for those who hear it."""

_VOID = {"meta", "link", "input", "br", "img", "hr", "source"}


@dataclass
class Element:
    """An element; its text is that of everything in it."""

    tag: str
    attributes: dict[str, str | None]
    children: list["Element | str"] = field(default_factory=list)

    def walk(self) -> Iterator["Element"]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str, **attributes: str) -> list["Element"]:
        """Return the elements of a kind with some attributes; ``class_`` stands for ``class``."""
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
        """Return the texts of a table's cells, the heads left out."""
        return [
            [cell.text for cell in row.walk() if cell.tag in {"th", "td"}]
            for row in self.one("tbody").all("tr")
        ]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

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
    """Return a page as a tree; each element has to be closed where it belongs."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder._open == [builder.root], "not closed"
    return builder.root


def load(client: TestClient, path: str, *, status: int = 200) -> Element:
    """Load a page as a browser does."""
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return parse(answer.text)


def fill(page: Element, action: str, **values: str) -> dict[str, str]:
    """Return the fields of a form, as a browser would send them."""
    form = page.one("form", action=action, method="post")
    fields = {
        name: field.attributes.get("value") or ""
        for field in form.all("input")
        if (name := field.attributes.get("name"))
    }
    return fields | values
