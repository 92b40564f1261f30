"""Where credentials and places come from, and from which source; the only reader of the environment."""

from __future__ import annotations

from lkdiag.settings.credentials import (
    CredentialFlags,
    Credentials,
    are_swapped,
    load,
    load_to_use,
    masked_key,
    resolve,
)
from lkdiag.settings.places import runs_dir, server_binary, withdraw_secrets

__all__ = [
    "CredentialFlags",
    "Credentials",
    "are_swapped",
    "load",
    "load_to_use",
    "masked_key",
    "resolve",
    "runs_dir",
    "server_binary",
    "withdraw_secrets",
]
