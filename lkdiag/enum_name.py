"""The name of an enum's value, also where the server is newer than the installed library."""

from __future__ import annotations

from typing import Protocol


class NamedNumbers(Protocol):
    """An enum of protobuf."""

    def Name(self, number: int) -> str:  # noqa: N802
        """The value's name. Raises ValueError for a number without one."""


def enum_name(enum: NamedNumbers, number: int) -> str:
    """LiveKit's name of it; `UNKNOWN_9` for a number that the installed library has no name for."""
    try:
        return enum.Name(number)
    except ValueError:
        return f"UNKNOWN_{number}"
