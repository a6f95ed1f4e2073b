"""The workers: Celery tasks, the collection itself, and the only code that calls GitHub."""

from common import environment

# Before a library reads them, which some do at import.
environment.remove_foreign()
