"""Draw an SVG as a PNG: a program that reads standard input and writes standard output.

resvg holds the interpreter's lock while it draws, so the API starts this in another process. It
imports nothing of the API: it starts in the time that Python itself needs.
"""

import os
import resource
import sys
from pathlib import Path

import resvg_py

_FONTS = Path(__file__).parent / "fonts"

_FAMILY = "Inter"

_CPU_SECONDS = 10
"""The operating system ends the process after that, even if the API is gone."""


def main() -> None:
    """Draw one picture; the argument is the number of pixels for each pixel of the SVG."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    # Requests that are answered by the API itself go first.
    os.nice(10)
    png = resvg_py.svg_to_bytes(
        svg_string=sys.stdin.buffer.read().decode(),
        zoom=float(sys.argv[1]),
        # The pictures are the same on every machine, and reading its fonts would take a second.
        skip_system_fonts=True,
        font_files=[str(path) for path in sorted(_FONTS.glob("*.otf"))],
        font_family=_FAMILY,
        sans_serif_family=_FAMILY,
    )
    sys.stdout.buffer.write(bytes(png))


if __name__ == "__main__":
    main()
