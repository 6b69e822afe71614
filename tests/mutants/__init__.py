"""Defences taken away one at a time: for each there must be a test that then fails. See `__main__`."""
