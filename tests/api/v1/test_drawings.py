"""``api.v1.drawings``: what was drawn is kept, within bounds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from api.v1.drawings import Drawings


class Pen:
    """Draws, and counts how often."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def __call__(self, what: str) -> Callable[[], str]:
        def draw() -> str:
            self.drawn.append(what)
            return what

        return draw


def test_a_picture_is_drawn_once() -> None:
    pen, drawings = Pen(), Drawings(most_bytes=100)

    assert [drawings.get("a", pen("é")) for _ in range(3)] == ["é".encode()] * 3
    assert pen.drawn == ["é"]


def test_many_who_ask_at_once_have_it_drawn_once() -> None:
    pen, drawings = Pen(), Drawings(most_bytes=10_000)

    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(
                lambda number: drawings.get(f"{number % 5}", pen(f"{number % 5}")), range(500)
            )
        )

    assert answers == [f"{number % 5}".encode() for number in range(500)]
    assert sorted(pen.drawn) == ["0", "1", "2", "3", "4"]


def test_what_was_not_asked_for_longest_makes_room() -> None:
    pen, drawings = Pen(), Drawings(most_bytes=30)
    for key in "abc":
        drawings.get(key, pen(key * 10))
    drawings.get("a", pen("a" * 10))

    drawings.get("d", pen("d" * 10))

    pen.drawn.clear()
    for key in "acdb":
        drawings.get(key, pen(key))
    assert pen.drawn == ["b"]


def test_a_picture_larger_than_all_there_is_room_for_is_drawn_and_not_kept() -> None:
    pen, drawings = Pen(), Drawings(most_bytes=5)
    drawings.get("small", pen("small"))

    assert drawings.get("large", pen("larger than that")) == b"larger than that"
    assert drawings.get("large", pen("larger than that")) == b"larger than that"
    assert pen.drawn.count("larger than that") == 2
    drawings.get("small", pen("small"))
    assert drawings.get("small", pen("small")) == b"small"
