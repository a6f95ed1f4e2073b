"""Python imports ``sitecustomize`` from here when the directory is on ``PYTHONPATH``."""
