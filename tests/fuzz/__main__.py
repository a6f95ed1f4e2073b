"""``python -m tests.fuzz --seconds 120``: fuzz every target for its share of the time.

Exit status 1 means a finding: the traceback and the input, as Python writes bytes, are printed.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz import seeds
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Run all targets, one after the other."""
    parser = argparse.ArgumentParser(prog="fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=120, help="for all targets together")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    share = max(1, given.seconds // len(TARGETS))
    return max(_run(target, share, given.seed) for target in TARGETS)


def _run(target: str, seconds: int, seed: int) -> int:
    with TemporaryDirectory() as place:
        found = Path(place, "found")
        corpus = Path(place, "corpus")
        found.mkdir()
        corpus.mkdir()
        seeds.write(corpus, target)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.fuzzer", target, f"-seed={seed}"),
                *(f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10"),
                *("-rss_limit_mb=2048", f"-artifact_prefix={found}/", str(corpus)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        lines = done.stdout.splitlines()
        inputs = sorted(found.iterdir())
        if done.returncode or inputs:
            print(*lines[-60:], sep="\n")
            for each in inputs:
                print(f"fuzz: {target}: {each.name}: {each.read_bytes()!r}")
            return 1
        print(f"fuzz: {target}: {next((s for s in lines if s.startswith('Done ')), 'nothing ran')}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
