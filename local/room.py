"""Whether a disk takes more: it may be full, or read-only since it failed."""

import tempfile
from pathlib import Path

_PIECE = 64 * 1024


def has_room(directory: Path) -> bool:
    """Say whether something can be written there, by doing so."""
    try:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            return file.write(b"." * _PIECE) == _PIECE
    except OSError:
        return False
