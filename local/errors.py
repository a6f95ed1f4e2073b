"""Errors of the runner and its servers.

::

    SetupError
    └── LocalError    one plain line that says what to do
"""

from common.errors import SetupError


class LocalError(SetupError):
    """The command cannot go on; the text is one plain line that says what to do."""
