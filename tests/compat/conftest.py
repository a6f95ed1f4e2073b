"""Fixtures: the product's real processes."""

from tests.end_to_end.conftest import make_system, system, world

__all__ = ["make_system", "system", "world"]
