"""``make up`` and ``make demo``: the whole product as one command, without containers.

Real servers (Postgres, Valkey) run from wheels, and the API, a worker, beat and Flower beside them.
Only tests import this package, for its servers::

    with EmbeddedPostgres(directory) as postgres, EmbeddedValkey(other) as valkey:
        ...

- ``plan.py``: which programs run, from the settings; ``runner.py`` runs a plan;
- ``child.py``: one process that is restarted; ``guard.py``: stops all after ``kill -9``;
- ``server.py``, ``postgres.py``, ``valkey.py``: the servers; ``account.py``: under which user;
- ``backup.py``: all data to a file and back; ``seed.py``: fills the demo.
"""
