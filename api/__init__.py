"""The HTTP API: reads and writes the tables, enqueues tasks by name, never calls GitHub."""

from common import environment

# Before a library reads them, which some do at import.
environment.remove_foreign()
