"""The base of Repopulse's errors, and how an entry point ends with one.

::

    RepopulseError            one line for the operator
    ├── SetupError            the operator has to change something
    │   └── LocalError        ``local/errors.py``: the servers of ``make up`` and ``make demo``
    ├── ClockBehindError      ``worker/future_days.py``: nothing is removed by a wrong clock
    ├── TaskFailed            ``worker/tasks.py``: a task that an outage kept from its work
    └── GitHubError           ``worker/github/errors.py``: what GitHub answered, and what follows

Errors of the database are SQLAlchemy's; ``common/db.py`` shows which of them are outages.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class RepopulseError(Exception):
    """The base of all errors of Repopulse; the message is one line for the operator."""


class SetupError(RepopulseError):
    """The operator has to change something: a setting, a port, a server that is down."""


@contextmanager
def exit_with_message() -> Iterator[None]:
    """End the process with one line on stderr and status 1 on a ``RepopulseError``."""
    try:
        yield
    except RepopulseError as error:
        sys.exit(f"repopulse: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it; a failed connection may have been tried at two addresses.

    Libraries raise their errors from those of the libraries below, down to the operating system's.
    """
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from causes(each)
        error = error.__cause__ or error.__context__
