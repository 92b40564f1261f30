"""What is said when lkdiag itself fails: no traceback, but enough to find the place by."""

from __future__ import annotations

from lkdiag.errors import LkdiagError, described

PLEASE_REPORT = "this is a fault of lkdiag's own: please report it at lkdiag's own tracker"


def own_fault(error: BaseException) -> LkdiagError:
    """A fault of lkdiag's own as an error for the user. Its exit code is 4: it is no verdict, and no wrong usage."""
    return LkdiagError(f"lkdiag failed: {described(error)}", PLEASE_REPORT)
