import pytest

from common.duration import format_duration


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 seconds"),
        (1.2, "1 second"),
        (89.4, "89 seconds"),
        (90, "2 minutes"),
        (90 * 60, "90 minutes"),
        (2 * 3600 - 31, "119 minutes"),
        (2 * 3600 - 30, "2 hours"),
        (47.4 * 3600, "47 hours"),
        (47.5 * 3600, "2 days"),
        (10.6 * 86400, "11 days"),
    ],
)
def test_a_duration_is_written_in_the_unit_that_suits_it(seconds: float, written: str) -> None:
    assert format_duration(seconds) == written
