"""Whether the servers' wheels exist for this machine: ``python -m local.platforms``.

``make`` asks before it installs anything, so this imports the standard library alone. Elsewhere the
installer would compile both servers, or end with a page of a compiler's output.
"""

import os
import platform
import sys

OLDEST_GLIBC = (2, 28)
"""What the wheels of Postgres and Valkey were built with."""

ARCHITECTURES = {"x86_64", "amd64", "aarch64", "arm64"}


def missing() -> str | None:
    """Return what keeps the wheels from running here, or None."""
    machine = platform.machine()
    if machine.lower() not in ARCHITECTURES or sys.maxsize < 2**32:
        return f"this Python runs on {machine}, {sys.maxsize.bit_length() + 1} bits"
    if sys.platform == "darwin":
        return None
    if sys.platform != "linux":
        return f"this is {platform.system()}"
    version = _glibc()
    if version is None:
        return "this Linux has another C library (Alpine has musl)"
    if version < OLDEST_GLIBC:
        return f"this Linux has glibc {'.'.join(map(str, version))}"
    return None


def _glibc() -> tuple[int, ...] | None:
    """Return the version of the C library, or None if it is not glibc."""
    try:
        # musl does not know the name: ValueError, or OSError.
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        return None
    return tuple(map(int, version.split("."))) if name == "glibc" else None


if __name__ == "__main__":
    if reason := missing():
        sys.exit(
            "The servers of `make up` exist for Linux with glibc 2.28 or newer and for macOS,"
            f" on x86-64 and ARM64, but {reason}: use Docker (docker compose up --build)"
        )
