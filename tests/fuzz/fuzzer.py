"""``python -m tests.fuzz.fuzzer TARGET OPTIONS...``: fuzz one target with libFuzzer's options."""

import sys

import atheris

# The fuzzer watches the paths through what is imported in this block.
with atheris.instrument_imports(include=["worker.github", "tests.fuzz", "json", "email"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run until libFuzzer ends the process."""
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
