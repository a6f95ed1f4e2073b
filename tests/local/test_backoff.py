import pytest

from local import backoff
from local.backoff import Backoff


def test_the_pause_grows_to_half_a_minute_and_no_further() -> None:
    pauses = Backoff()

    def end_at_once() -> float:
        pauses.begin()
        return pauses.end()

    assert [end_at_once() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert [end_at_once() for _ in range(5000)][-1] == 30


def test_what_has_run_for_a_while_starts_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Backoff()
    pauses.begin()
    assert [pauses.end() for _ in range(3)] == [1, 2, 4]
    pauses.begin()
    monkeypatch.setattr(backoff, "SETTLED", -1.0)

    assert pauses.end() == 1
    assert pauses.waiting
    assert not pauses.due
