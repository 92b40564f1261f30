"""What is said when lkdiag itself fails: no traceback, but enough to find the place by."""

from __future__ import annotations

import traceback
from pathlib import Path

from lkdiag.errors import LkdiagError


def own_fault(error: BaseException) -> LkdiagError:
    """A fault of lkdiag's own as an error for the user."""
    return LkdiagError(f"lkdiag failed: {described(error)}", "this is a fault of lkdiag's own: please report it")


def described(error: BaseException) -> str:
    """Kind, text and place: `KeyError: 'role' (lkdiag/checks/facts.py:83)`. Of a group, its first error."""
    from lkdiag.secrecy.scrubber import scrub

    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    place = ""
    for frame in frames:
        parts = Path(frame.filename).parts
        if "lkdiag" in parts:
            inside = parts[len(parts) - 1 - parts[::-1].index("lkdiag") :]
            place = f" ({'/'.join(inside)}:{frame.lineno})"
    return f"{type(error).__name__}: {scrub(str(error))}{place}"
