"""The workers: Celery tasks, the collection itself, and the only code that calls GitHub."""
