"""Find the servers' executables in their wheels."""

from importlib.util import find_spec
from pathlib import Path


def in_wheel(package: str, *parts: str) -> Path | None:
    """Return a file of an installed package, or None."""
    # Importing these packages would cost more time and memory than the rest of the runner.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*parts)
    return path if path.exists() else None
