"""Faults: nothing is lost or doubled, and the system recovers without help.

Each test runs the real processes (workers, beats, the API) with its own Postgres and Redis and the
simulated GitHub, breaks something, and then checks all that ``invariants`` lists.
``FAULTS=full`` runs them at full length; the default is short enough for every change.
"""
