"""The account that Postgres runs under where we are root, since Postgres refuses root.

The checkout or the data directory may lie below a directory that this account cannot enter
(``/root`` with mode 0700, a private home). Then, on Linux, the server keeps one capability that
lets it read past permissions: it still owns nothing but its data and cannot write elsewhere.

Run as a program this file gives privileges up and becomes the given command.
"""

import ctypes
import os
import pwd
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


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

# From linux/capability.h, linux/prctl.h and linux/securebits.h.
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_PR_CAPBSET_READ = 23
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def account_for(directory: Path) -> Account | None:
    """Return the account that shall own and serve this directory, or None where it is our own.

    Where we are root, a directory that an ordinary user made stays that user's.
    """
    if os.geteuid() != 0:
        return None
    try:
        status = directory.stat()
    except FileNotFoundError:
        return NOBODY
    return Account(status.st_uid, status.st_gid) if status.st_uid else NOBODY


def command_as(account: Account | None, command: Sequence[str], needs: Sequence[Path]) -> list[str]:
    """Return the command that runs ``command`` under the account.

    :param needs: what the account must be able to read
    """
    if account is None:
        return list(command)
    program = [sys.executable, "-I", "-S", __file__]
    ids = [str(account.user), str(account.group)]
    return [*program, *ids, str(len(needs)), *map(str, needs), *command]


def _reachable(command: Sequence[str], needs: Sequence[str]) -> bool:
    if not os.access(command[0], os.X_OK, effective_ids=True):
        return False
    return all(os.access(path, os.R_OK, effective_ids=True) for path in needs)


def _keep_capability(capability: int, account: Account) -> None:
    """Become the account, keeping one capability across ``exec``."""
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), "capabilities cannot be set")

    if libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) != 1:
        # Docker gives root the wider one by default, and not the narrower one.
        capability = _CAP_DAC_OVERRIDE
    # Keeps capabilities over setuid, and makes access(2), by which Postgres tests its own file,
    # honour them.
    check(libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
    _become(account)
    data = (_Data * 2)(_Data(1 << capability, 1 << capability, 1 << capability))
    check(libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), data))
    check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _become(account: Account) -> None:
    os.setgroups([])
    os.setgid(account.group)
    os.setuid(account.user)


def main(arguments: Sequence[str]) -> None:
    """Become the account, then the command."""
    account, count = Account(int(arguments[0]), int(arguments[1])), int(arguments[2])
    needs, command = arguments[3 : 3 + count], arguments[3 + count :]
    try:
        os.setegid(account.group)
        os.seteuid(account.user)
        reachable = _reachable(command, needs)
        os.seteuid(0)
        os.setegid(0)
        if reachable:
            _become(account)
        else:
            executable = os.stat(command[0]).st_mode & stat.S_IXOTH  # noqa: PTH116
            _keep_capability(_CAP_DAC_READ_SEARCH if executable else _CAP_DAC_OVERRIDE, account)
    except (OSError, AttributeError) as error:
        sys.exit(
            f"FATAL:  Postgres does not run as root, and user {account.user} cannot "
            f"reach {command[0]} ({error}): run this as an ordinary user, "
            "or from a directory that others may enter"
        )
    os.execv(command[0], list(command))  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
