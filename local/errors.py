"""Errors of embedded mode.

::

    SetupError
    └── LocalError    one plain line that says what to do
"""

from common.errors import SetupError


class LocalError(SetupError):
    """Embedded mode cannot go on; the text is one plain line that says what to do."""
