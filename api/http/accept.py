"""What a client likes how much: headers such as ``Accept`` with their ``q``."""

import re

_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def qualities(header: str) -> dict[str, float]:
    """Return how much each name of a header is liked, from 0, not at all, to 1.

    What cannot be read as a quality is none.
    """
    found: dict[str, float] = {}
    for part in header.split(","):
        name, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
        found[name] = max(quality, found.get(name, 0.0))
    return found
