"""What can go wrong on lkdiag's own side: one line, one hint, one exit code for each kind."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process answers. Part of the contract with scripts and CI."""

    OK = 0
    FINDING = 1
    USAGE = 2
    INCONCLUSIVE = 3
    SETUP = 4
    ROOMS_LEFT = 5
    INTERRUPTED = 130


class LkdiagError(Exception):
    """An error with one clear line, a hint, and the exit code of its kind."""

    exit_code = ExitCode.SETUP

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LkdiagError):
    """The command line, or a file named on it, can't be used as it is."""

    exit_code = ExitCode.USAGE


class JournalError(UsageError):
    """The named run is not there, or its journal can't be read as one."""


class CredentialsError(LkdiagError):
    """No usable credentials, or the server refused them."""


class ConnectionLostError(LkdiagError):
    """The server can't be reached, or no longer."""


class ServerSetupError(LkdiagError):
    """The private livekit-server could not be found, got or started."""
