"""What the person in front of the terminal reads."""

import errno
import os

STANDARD_OUTPUT = 1
WIDTH = 8

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Console:
    """Writes whole lines; notices when nobody reads them any more."""

    def __init__(self) -> None:
        self.closed = False

    def say(self, text: str) -> None:
        """Write a line of our own."""
        self._write(text.encode() + b"\n")

    def pass_on(self, name: str, lines: list[bytes]) -> None:
        """Write lines of a child, each behind the child's name."""
        prefix = f"{name:<{WIDTH}}| ".encode()
        self._write(b"".join(prefix + line + b"\n" for line in lines))

    def _write(self, data: bytes) -> None:
        while data and not self.closed:
            try:
                data = data[os.write(STANDARD_OUTPUT, data) :]
            except OSError as error:
                if error.errno in _NO_ROOM:
                    # It goes to a file: lines are lost until there is room, and nothing else.
                    return
                # The terminal was closed, or `| head` has seen enough.
                self.closed = True
