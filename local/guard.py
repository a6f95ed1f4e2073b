"""A process that stops the others when this one is killed.

``kill -9`` leaves a process no time to stop its children. The guard reads from a pipe whose other
end only its owner has. When the pipe ends, the guard asks each process on its list to stop, and
kills the process groups that are left two seconds later.

It is a shell script, because ``/bin/sh`` takes 1 MB and a Python takes 10. Linux's parent death
signal would do with no process, but see docs/decisions/0005-servers-from-wheels.md.
"""

import signal
import subprocess
from contextlib import suppress
from typing import Self

SCRIPT = """
trap '' INT TERM HUP
watched=
while read -r sign process stop; do
    others=
    for one in $watched; do
        [ "${one%:*}" = "$process" ] || others="$others $one"
    done
    watched=$others
    [ "$sign" = - ] || watched="$watched $process:$stop"
done
for one in $watched; do
    kill -s "${one#*:}" "${one%:*}"
done
left=$watched
for tenth in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    alive=
    for one in $left; do
        kill -s 0 -- "-${one%:*}" && alive="$alive $one"
    done
    left=$alive
    [ "$left" ] || exit
    sleep 0.1
done
for one in $left; do
    kill -s KILL -- "-${one%:*}"
done
"""


class Guard:
    """A guard of the processes that its owner starts.

    :param descriptor: a file that the guard keeps open, and with it a lock on that file
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C and the end of a terminal reach a whole group; the guard must outlive both.
            start_new_session=True,
            cwd="/",
            bufsize=0,
            pass_fds=() if descriptor is None else (descriptor,),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def watch(self, process: int, stop: signal.Signals) -> None:
        """Stop this process, the leader of its group, when the owner is killed.

        :param stop: the signal that asks the process to stop
        """
        self._send(f"+ {process} {stop.name.removeprefix('SIG')}\n")

    def forget(self, process: int) -> None:
        """Leave a process alone: it has ended, and its id may be given to another."""
        self._send(f"- {process}\n")

    def close(self) -> None:
        """End the guard, which stops what is still on its list."""
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()

    def _send(self, line: str) -> None:
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        # If the guard was killed, the others go on without one.
        with suppress(BrokenPipeError):
            self.process.stdin.write(line.encode())
