"""Clients that generators make from ``/openapi.json``, as users make them."""
