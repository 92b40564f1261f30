"""Where lkdiag keeps its own files, and how they stay private."""

from __future__ import annotations

import os
from pathlib import Path

from lkdiag.privacy.names import is_secret_name

# Places on this machine: where runs are kept, and which livekit-server to start.


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


# This process's environment. What is secret in it is for lkdiag alone, and for no child that it starts.

PROJECT = frozenset({"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"})
_FOLDERS = frozenset({"PWD", "OLDPWD"})
_withdrawn: dict[str, str] = {}


def withdraw_secrets() -> None:
    """Take the project and every secret out of the environment that children inherit; `environment` still has them.

    Children are also those that libraries start (`uname`, `lsb_release`). lkdiag's own get a project through a pipe.
    A proxy's address stays, password and all: what a child fetches it fetches through the proxy.
    """
    for name, value in list(os.environ.items()):
        if name in PROJECT or _is_secret(name, value):
            _withdrawn[name] = value
            del os.environ[name]


def environment() -> dict[str, str]:
    """All variables, those that were withdrawn among them."""
    return {**_withdrawn, **os.environ}


def _is_secret(name: str, value: str) -> bool:
    if name in _FOLDERS or name.upper().endswith("PROXY"):
        return False
    before, is_url, rest = value.partition("://")
    return is_secret_name(name) or bool(is_url and before and "@" in rest.partition("/")[0])
