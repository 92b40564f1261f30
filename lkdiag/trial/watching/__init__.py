"""Follows calls that others make: it looks, and changes nothing."""
