"""The calls under ``/v1``: one module per resource, and the schemas and responses they share."""
