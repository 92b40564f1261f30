"""LiveKit's HTTP API as the trials need it."""

from lkdiag.control.client import ApiCallError, Control
from lkdiag.timeline.call_failure import CallFailure

__all__ = ["ApiCallError", "CallFailure", "Control"]
