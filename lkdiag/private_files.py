"""Folders and files that are their owner's alone, whatever the umask says."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def make_private_folder(path: Path) -> None:
    """Make it, and the folders above it that are missing. One that is there already stays as it is. Raises OSError."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(FOLDER_MODE, exist_ok=True)
        folder.chmod(FOLDER_MODE)


def open_private(path: Path, flags: int) -> int:
    """Open it to be written, and make it if it is not there, as `os.open`; the descriptor. Raises OSError.

    A device (`/dev/stdout`) keeps its permissions.
    """
    opened = os.open(path, flags | os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    if stat.S_ISREG(os.fstat(opened).st_mode):
        os.fchmod(opened, FILE_MODE)
    return opened
