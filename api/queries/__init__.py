"""Queries that only the API makes. They read; writes are in common, beside their table."""
