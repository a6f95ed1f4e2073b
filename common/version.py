"""The version, kept equal to ``pyproject.toml``'s by a test."""

VERSION = "0.2.0"
