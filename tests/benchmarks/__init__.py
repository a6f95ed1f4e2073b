"""Measurements, run by hand: ``python -m tests.benchmarks.github_cost --help``."""
