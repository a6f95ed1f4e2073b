"""The fuzzer's targets read its seeds; ``make fuzz`` does the fuzzing."""

from pathlib import Path

import pytest

from tests.fuzz import seeds
from tests.fuzz.targets import TARGETS, check
from worker.github.meaning import Answer, Meaning


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_reads_every_seed_whole_and_cut_short(tmp_path: Path, target: str) -> None:
    seeds.write(tmp_path, target)

    files = sorted(tmp_path.iterdir())

    assert len(files) == len(seeds.ANSWERS)
    for file in files:
        data = file.read_bytes()
        for end in range(0, len(data) + 1, 37):
            TARGETS[target](data[:end])
        TARGETS[target](data)


def test_a_reason_of_two_lines_is_a_finding() -> None:
    with pytest.raises(AssertionError):
        check(Answer(Meaning.GONE, reason="a\nb"))
