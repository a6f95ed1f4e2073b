"""What the operator sees in the terminal."""

import errno
import os
import threading
from typing import IO

STANDARD_OUTPUT = 1
WIDTH = 8
"""Columns of a program's name."""

LINE_LIMIT = 65536
"""Bytes after which a line is passed on although it has not ended."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Console:
    """Writes whole lines, from several threads."""

    def __init__(self) -> None:
        self.closed = False
        """Whether the output can no longer be read."""
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Write a line of our own."""
        self._write(text.encode() + b"\n")

    def pass_on(self, name: str, pipe: IO[bytes]) -> None:
        """Write what arrives from a pipe until it ends, each line behind the program's name."""
        prefix = f"{name:<{WIDTH}}| ".encode()
        with pipe:
            while line := pipe.readline(LINE_LIMIT):
                self._write(prefix + line.removesuffix(b"\n") + b"\n")

    def _write(self, data: bytes) -> None:
        with self._lock:
            while data and not self.closed:
                try:
                    data = data[os.write(STANDARD_OUTPUT, data) :]
                except OSError as error:
                    if error.errno in _NO_SPACE:
                        # Standard output is a file on a full disk: drop the line and go on.
                        return
                    # The terminal was closed, or `| head` has seen enough.
                    self.closed = True
