"""Two runs side by side: what differs in their settings, and what in their outcomes is more than chance."""

from __future__ import annotations

from lkdiag.compare.build import compare
from lkdiag.compare.value import SCHEMA, Comparison

__all__ = ["SCHEMA", "Comparison", "compare"]
