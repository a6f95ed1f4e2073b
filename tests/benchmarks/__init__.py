"""What the product does most, measured: ``python -m tests.benchmarks --help``."""
