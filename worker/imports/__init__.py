"""Imports: one module per format, and the task that reads, applies and undoes them.

``rows`` is what the formats and the task have in common, ``readers`` lists the formats. Files are
untrusted: each is bounded in bytes, rows, length of a line and time.
"""
