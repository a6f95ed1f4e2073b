"""The fuzzer's targets take what it begins with; the fuzzing itself is ``make fuzz``."""

from pathlib import Path

import pytest

from tests.fuzz import seeds
from tests.fuzz.targets import TARGETS, check
from worker.github.answers import Answer, Meaning


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_takes_every_seed_whole_and_cut_short(tmp_path: Path, target: str) -> None:
    seeds.write(tmp_path, target)

    files = sorted(tmp_path.iterdir())

    assert len(files) == len(seeds.ANSWERS)
    for file in files:
        data = file.read_bytes()
        for end in range(0, len(data) + 1, 37):
            TARGETS[target](data[:end])
        TARGETS[target](data)


def test_a_reason_that_breaks_a_line_is_a_finding() -> None:
    with pytest.raises(AssertionError):
        check(Answer(Meaning.GONE, reason="a\nb"))
