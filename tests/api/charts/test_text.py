"""``api.charts.text``: escaping gives valid XML, shortened text fits and is not cut in emoji."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.text import escape, shorten, text_width

ANYTHING = st.text(st.characters(categories=None, exclude_categories=()))


@given(ANYTHING)
def test_escaped_text_is_valid_xml_and_parses_back(text: str) -> None:
    svg = f'<svg name="{escape(text)}"><text>{escape(text)}</text></svg>'

    found = ET.fromstring(svg)[0].text or ""

    assert len(found) == len(text) - text.count("\r\n")
    # XML normalises newlines; characters it does not allow are replaced.
    assert "\ufffd" in found or found == text.replace("\r\n", "\n").replace("\r", "\n")


@given(ANYTHING, st.integers(20, 300))
def test_shortened_text_fits(text: str, room: int) -> None:
    shown = shorten(text, room, 12)

    assert text_width(shown, 12) <= room
    assert shown == text or shown[-1] == "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 100, "a" * 11 + "…"),
        # Accents stay with their letter, and the parts of an emoji together.
        ("e\u0301" * 100, "e\u0301" * 11 + "…"),
        ("aaaaaaaaaaa" + "\u200d" + "a" * 9, "a" * 10 + "…"),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 9,
            "\U0001f468\u200d\U0001f469\u200d\U0001f467…",
        ),
        ("short", "short"),
    ],
)
def test_long_text_ends_in_an_ellipsis(text: str, shown: str) -> None:
    assert shorten(text, 100, 12) == shown
