"""Pictures of what was recorded: numbers in, SVG out; no clock, no database, no font file.

A day without a number is a gap in every one of them: no line crosses it.
"""
