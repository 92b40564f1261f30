"""Places on this machine: where runs are kept, and which livekit-server to start."""

from __future__ import annotations

import os
from pathlib import Path


def runs_dir(flag: Path | None) -> Path:
    """Where journals are kept: the flag, else LKDIAG_RUNS_DIR, else the user's state directory."""
    import platformdirs

    return _place(flag, "LKDIAG_RUNS_DIR") or platformdirs.user_state_path("lkdiag") / "runs"


def server_binary(flag: Path | None) -> Path | None:
    """Which livekit-server to start: the flag, else LKDIAG_SERVER_BINARY, else None (find or get one)."""
    return _place(flag, "LKDIAG_SERVER_BINARY")


def _place(flag: Path | None, variable: str) -> Path | None:
    value = str(flag) if flag is not None else os.environ.get(variable, "").strip()
    # shells leave the ~ of --flag=~/x and VARIABLE="~/x" alone
    return Path(os.path.expanduser(value)) if value else None
