"""The user that Postgres runs as when we are root, because Postgres refuses root.

The checkout or the data directory may lie below a directory that this account cannot enter, such
as ``/root`` with mode 0700. On Linux ``setpriv`` then lets the server keep one capability to get
past permissions. It still owns only its data.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from local.errors import LocalError

# The second also writes past permissions. It is for binaries that only root may execute, and for
# containers, whose root has it by default and has not the first.
CAPABILITIES = ("dac_read_search", "dac_override")


class Account(NamedTuple):
    """A user and a group, by their ids."""

    user: int
    group: int


def _nobody() -> Account:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)
    return Account(entry.pw_uid, entry.pw_gid)


NOBODY = _nobody()


@dataclass(frozen=True)
class RunAs:
    """How to start a process: behind which command, with which options of ``Popen``."""

    prefix: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def account_for(directory: Path) -> Account | None:
    """Return the account to own and serve this directory, or None for our own.

    When we are root, a directory that an ordinary user made stays that user's.
    """
    if os.geteuid() != 0:
        return None
    try:
        status = directory.stat()
    except FileNotFoundError:
        return NOBODY
    return Account(status.st_uid, status.st_gid) if status.st_uid else NOBODY


def run_as(account: Account | None, binary: Path, directory: Path) -> RunAs:
    """Return how to run a binary under the account with access to a directory.

    :raise LocalError: the account cannot do that, and no capability helps
    """
    if account is None:
        return RunAs()
    user, group = account
    plain = RunAs(options={"user": user, "group": group, "extra_groups": ()})
    for way in (plain, *(_with_capability(account, name) for name in CAPABILITIES)):
        if _works(way, binary, directory):
            return way
    raise LocalError(
        f"Postgres does not run as root, and user {account.user} cannot reach {binary} or "
        f"{directory}: run this as an ordinary user, or from a directory that others may enter"
    )


def _with_capability(account: Account, capability: str) -> RunAs:
    return RunAs(
        (
            "setpriv",
            f"--reuid={account.user}",
            f"--regid={account.group}",
            "--clear-groups",
            # Without it access(2), by which Postgres tests its own file, ignores capabilities.
            "--securebits=+no_setuid_fixup",
            f"--inh-caps=+{capability}",
            f"--ambient-caps=+{capability}",
        )
    )


def _works(way: RunAs, binary: Path, directory: Path) -> bool:
    probe = ["/bin/sh", "-c", 'cd "$1" && exec "$0" --version', str(binary), str(directory)]
    try:
        done = subprocess.run(
            [*way.prefix, *probe],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd="/",
            **way.options,
        )
    except FileNotFoundError:
        # No setpriv here, as on macOS.
        return False
    return done.returncode == 0
