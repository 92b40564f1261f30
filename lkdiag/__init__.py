"""lkdiag: a diagnostic and repro tool for LiveKit."""

__version__ = "0.1.0"
