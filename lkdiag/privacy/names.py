"""Which fields, and which variables of an environment, hold secrets: by their names."""

from __future__ import annotations

import re
from functools import lru_cache

_FIELD = re.compile(
    r"(?:^|[^a-z])(?:[a-z_.-]*(?:secret|password|passwd|passphrase|credential|authorization|private_?key|secret_?key|"
    r"account_?key|api_?key|auth_?key)s?|[a-z_.-]*access_?key(?:_id)?|(?:[a-z_-]*[_-])?token|[a-z]*access_?token|auth|"
    r"[a-z]+_pass|ice-?pwd|pwd|(?:set-)?cookie)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
LONGEST_NAME = 100
"""Characters of a name."""


@lru_cache(maxsize=2_000)
def is_secret_name(name: str) -> bool:
    """Whether a field, or a variable, of this name holds a secret: `apiSecret`, `API_SECRET`, `ice-pwd`."""
    return len(name) <= LONGEST_NAME and bool(_FIELD.search(_CAMEL.sub("_", name)))
