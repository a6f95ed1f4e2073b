"""The programs of the tools that we compare with, run by a Python of their own."""
