"""Tests of the pages as a browser receives them."""
