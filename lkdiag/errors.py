"""What can go wrong on lkdiag's own side: one line, one hint, one exit code for each kind."""

from __future__ import annotations

import traceback
from enum import IntEnum
from pathlib import PurePath


class ExitCode(IntEnum):
    """What the process answers. Part of the contract with scripts and CI."""

    OK = 0
    FINDING = 1
    USAGE = 2
    INCONCLUSIVE = 3
    SETUP = 4
    """Credentials, connection or set-up; and a fault of lkdiag's own, which says nothing about the project."""
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


def kind_and_place(error: BaseException) -> str:
    """`KeyError in lkdiag/facts/dispatch.py:83`: without the error's own text, which may name people."""
    error = first_of(error)
    place = place_of(error)
    return type(error).__name__ + (f" in {place}" if place else "")


def place_of(error: BaseException) -> str:
    """The file and line of lkdiag in which it was raised: `lkdiag/facts/dispatch.py:83`; empty where there is none."""
    place = ""
    for frame, line in traceback.walk_tb(first_of(error).__traceback__):
        parts = PurePath(frame.f_code.co_filename).parts
        if "lkdiag" in parts:
            inside = parts[len(parts) - 1 - parts[::-1].index("lkdiag") :]
            place = f"{'/'.join(inside)}:{line}"
    return place


def first_of(error: BaseException) -> BaseException:
    """The error itself; of a group, its first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
