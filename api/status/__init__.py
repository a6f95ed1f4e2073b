"""The health of the collection: readiness, metrics and the status page read it here."""
