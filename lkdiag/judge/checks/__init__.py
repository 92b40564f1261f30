"""The checks, one file a failure. To add one: write `judge` in a file of its name, and a line in `judge/tables.py`."""
