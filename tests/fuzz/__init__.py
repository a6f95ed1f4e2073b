"""Bytes that are no answers, for what reads GitHub's answers; ``make fuzz`` runs it."""
