"""``api.http.kept``: what was made is kept, within bounds."""

from api.http.kept import Kept


def test_a_body_is_found_again() -> None:
    kept = Kept(most_bytes=100)

    assert kept.find("a") is None
    kept.keep("a", b"body")
    assert kept.find("a") == b"body"


def test_what_was_not_asked_for_longest_makes_room() -> None:
    kept = Kept(most_bytes=30)
    for key in "abc":
        kept.keep(key, key.encode() * 10)
    kept.find("a")

    kept.keep("d", b"d" * 10)

    assert [key for key in "abcd" if kept.find(key)] == ["a", "c", "d"]


def test_a_body_larger_than_all_there_is_room_for_puts_nothing_out() -> None:
    kept = Kept(most_bytes=30)
    kept.keep("small", b"small")

    kept.keep("large", b"x" * 31)

    assert kept.find("large") is None
    assert kept.find("small") == b"small"


def test_a_body_that_two_made_at_once_takes_its_room_once() -> None:
    kept = Kept(most_bytes=30)
    for _ in range(5):
        kept.keep("a", b"a" * 10)

    kept.keep("b", b"b" * 20)

    assert kept.find("a") == b"a" * 10
    assert kept.find("b") == b"b" * 20
