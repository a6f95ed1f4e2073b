"""Errors that every process may meet.

::

    RepopulseError
    └── SetupError    the operator has to change something before this can run

Errors of one subject live beside it: of GitHub's answers in ``worker/github/errors.py``, of
embedded mode in ``local/``.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class RepopulseError(Exception):
    """The base of every error of ours; its text is one plain line for a person."""


class SetupError(RepopulseError):
    """Something outside the code has to change: a setting, a port, a server that is down."""


@contextmanager
def exit_with_message() -> Iterator[None]:
    """Turn an error of ours into one line on stderr and exit status 1: for the entry points."""
    try:
        yield
    except RepopulseError as error:
        sys.exit(f"repopulse: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
