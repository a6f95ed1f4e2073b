"""SQL that only the API reads."""
