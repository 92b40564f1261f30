"""Finds secrets that lkdiag knows, in every form in which a program may write them down."""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from lkdiag.secrecy.mask import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 8
"""Characters. A shorter secret of letters only ("secret", livekit-server's in dev mode) is a word like any other."""
SHORTEST_MIXED = 4
"""Characters of a secret that has other signs than letters, and not digits alone."""
SHORTEST_BASE64 = 12
"""Characters of base 64. Fewer would be found by chance."""


def without_known(text: str, secrets: tuple[str, ...]) -> str:
    """`text` with `***` for each of the secrets: plain, quoted for URLs, escaped for JSON, or in base 64."""
    pattern = _pattern(secrets)
    return text if pattern is None else pattern.sub(HIDDEN, text)


@lru_cache(maxsize=64)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    forms = {form for secret in secrets if _is_telling(secret) for form in _forms(secret)}
    # longest first: a secret may contain another one
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None


def _is_telling(secret: str) -> bool:
    if len(secret) >= SHORTEST:
        return True
    return len(secret) >= SHORTEST_MIXED and not secret.isalpha() and not secret.isdigit()


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    once = json.dumps(secret)[1:-1]
    yield once
    yield json.dumps(once)[1:-1]
    data = secret.encode(errors="replace")
    for before in range(3):
        # three bytes are four characters: what depends on the neighbours is cut off at both ends
        encoded = base64.b64encode(b"\0" * before + data)
        whole = encoded[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6].decode()
        if len(whole) >= SHORTEST_BASE64:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")
