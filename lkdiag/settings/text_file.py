"""Reads a file that may hold credentials, without ever quoting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.errors import CredentialsError

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path, shown: str) -> str | None:
    """The file's text; None where there is none. A directory counts as none: `.env` may be a virtualenv."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except UnicodeDecodeError:
        raise CredentialsError(f"{shown} is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        # going on without it could mean another project than the one it names
        raise CredentialsError(f"{shown} can't be read: {error.strerror}", "Check its permissions.") from None
