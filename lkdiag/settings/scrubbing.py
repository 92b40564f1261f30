"""Takes secrets and tokens out of texts that are shown or kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKENS = re.compile(r"(?P<name>access_token(?:=|%3D))[^&\s\"'<>]+|eyJ[\w-]*\.[\w-]+\.[\w-]*", re.ASCII | re.IGNORECASE)


def scrub(text: str, secrets: Iterable[str]) -> str:
    """`text` without the given secrets, plain or percent-encoded, and without anything that looks like a token."""
    forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
    if forms:
        # longest first: a secret may contain another one
        text = re.sub("|".join(map(re.escape, sorted(forms, key=len, reverse=True))), "***", text)
    return _TOKENS.sub(lambda found: f"{found['name'] or ''}***", text)
