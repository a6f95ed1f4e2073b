"""Embedded mode: the whole product as one command, without containers.

Real servers (Postgres, Valkey) run from wheels as children, and the API, a worker, beat and Flower
beside them. Nothing outside this package knows of it but tests, which use the servers alone::

    with EmbeddedPostgres(directory) as postgres, EmbeddedValkey(other) as valkey:
        ...

``account.py`` and ``watchman.py`` are programs of their own, and import the standard library only.
"""
