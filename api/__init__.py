"""The HTTP API: reads and writes the tables, enqueues tasks by name, never calls GitHub."""
