"""``python -m tests.fuzz.fuzzer TARGET OPTIONS...``: one target; the options are libFuzzer's."""

import sys

import atheris

# What is watched for new paths has to be imported under the fuzzer's eyes.
with atheris.instrument_imports(include=["worker.github", "tests.fuzz", "json", "email"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run until libFuzzer ends the process."""
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
