"""What is said when lkdiag itself fails: no traceback, but enough to find the place by."""

from __future__ import annotations

from lkdiag.errors import LkdiagError, first_of, place_of

PLEASE_REPORT = "this is a fault of lkdiag's own: please report it at lkdiag's own tracker"


def own_fault(error: BaseException) -> LkdiagError:
    """A fault of lkdiag's own as an error for the user. Its exit code is 4: it is no verdict, and no wrong usage."""
    return LkdiagError(f"lkdiag failed: {described(error)}", PLEASE_REPORT)


def described(error: BaseException) -> str:
    """Kind, text and place: `KeyError: 'role' (lkdiag/checks/facts.py:83)`. Of a group, its first error."""
    from lkdiag.privacy.secrets import scrub

    error = first_of(error)
    text, place = scrub(str(error)), place_of(error)
    return type(error).__name__ + (f": {text}" if text else "") + (f" ({place})" if place else "")
