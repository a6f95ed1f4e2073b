"""Charts, sparklines and badges as SVG: numbers in, text out; no clock, no database, no font file.

A day without a number is a gap in every picture: no line crosses it.
"""
