"""SVG in, PNG out: drawn by a program of its own, with the package's own font alone.

The font is Inter, under the SIL Open Font License, whose text is beside it.
"""
