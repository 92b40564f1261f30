"""This process's environment. What is secret in it is for lkdiag alone, and for no child that it starts."""

from __future__ import annotations

import os

from lkdiag.secrecy.names import is_secret_name

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
