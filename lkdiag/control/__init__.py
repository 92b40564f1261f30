"""LiveKit's HTTP API as the trials need it."""

from lkdiag.control.client import ApiCallError, Control

__all__ = ["ApiCallError", "Control"]
