"""Which journals are kept: a canary runs for weeks, and its runs must not fill the disk."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from lkdiag.journal import FILE_NAME

if TYPE_CHECKING:
    from pathlib import Path


class Kept:
    """The newest `keep` of the journals that this canary has finished."""

    def __init__(self, keep: int, *also: str) -> None:
        self._keep = keep
        self._files = (FILE_NAME, *also)
        """What lkdiag writes into a run's folder. Nothing else is ever deleted."""
        self._folders: list[Path] = []

    def add(self, folder: Path) -> None:
        """One is finished. What is too old goes; a folder into which somebody has put something stays, with that."""
        self._folders.append(folder)
        while len(self._folders) > self._keep:
            oldest = self._folders.pop(0)
            with contextlib.suppress(OSError):  # gone already, or not ours to delete: the canary goes on
                for name in self._files:
                    (oldest / name).unlink(missing_ok=True)
                oldest.rmdir()
