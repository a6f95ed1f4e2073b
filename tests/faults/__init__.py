"""Whatever breaks: nothing lost, nothing doubled, nothing started by hand.

Each test runs the real processes (workers, beats, the API) on a Postgres and a Redis of its own,
beside the simulated GitHub, breaks something, and then asks for all of what ``invariants`` lists.
``FAULTS=full`` runs them at full length; the default is short enough for every change.
"""
