"""``api.charts.text``: text that fits, whole characters, valid XML."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.text import escape, shorten, text_width

ANYTHING = st.text(st.characters(categories=None, exclude_categories=()))


@given(ANYTHING)
def test_any_text_is_valid_in_xml_and_is_read_back_as_it_was(text: str) -> None:
    svg = f'<svg name="{escape(text)}"><text>{escape(text)}</text></svg>'

    found = ET.fromstring(svg)[0].text or ""

    assert len(found) == len(text) - text.count("\r\n")
    # XML makes one newline of all of them; what it may not hold is replaced.
    assert "\ufffd" in found or found == text.replace("\r\n", "\n").replace("\r", "\n")


@given(ANYTHING, st.integers(20, 300))
def test_a_shortened_text_fits(text: str, room: int) -> None:
    shown = shorten(text, room, 12)

    assert text_width(shown, 12) <= room
    assert shown == text or shown[-1] == "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 100, "a" * 11 + "…"),
        # An accent stays with its letter, a family together.
        ("e\u0301" * 100, "e\u0301" * 11 + "…"),
        ("aaaaaaaaaaa" + "\u200d" + "a" * 9, "a" * 10 + "…"),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 9,
            "\U0001f468\u200d\U0001f469\u200d\U0001f467…",
        ),
        ("short", "short"),
    ],
)
def test_what_is_too_long_ends_in_an_ellipsis(text: str, shown: str) -> None:
    assert shorten(text, 100, 12) == shown
