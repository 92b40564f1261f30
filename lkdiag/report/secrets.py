"""Takes out of any text whatever looks like a secret, even where nothing else is to be masked.

JWTs, secrets that are named so (`api_secret`, `password`, `ice-pwd`, `Authorization`), passwords in URLs, keys of model
providers, and texts that only a machine makes up: LiveKit's API secrets and TURN passwords are 43 or 44 characters of
base 62 (livekit-server, cmd/server/commands.go, generateKeys; pkg/service/turn.go), those of TURN's REST API 28
characters of base 64.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkdiag.settings.scrubbing import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "***"
SHORTEST = 8
"""Characters. A known secret that is shorter ("secret", livekit-server's in dev mode) is a word like any other."""

SECRET_NAME = re.compile(
    r"(?:^|[^a-z])(?:[a-z_.-]*(?:secret|password|passwd|passphrase|credential|authorization|private_?key)s?|"
    r"(?:access|auth|refresh|bearer|id|join|session|api|livekit|client|bot|device)?_?token|ice-?pwd|pwd|cookie)$",
    re.IGNORECASE,
)
"""The name of a JSON field, or of a variable, whose value is a secret."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_NAMES = (
    r"(?:[\w.-]*(?:secret|password|passwd|passphrase|authorization|private[-_]?key)|[\w-]*[-_]?credential|"
    r"(?:[\w-]*[-_])?token|(?:access|auth|refresh|join|session)token|ice-?pwd|(?<![\w-])pwd)"
)
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:(?:bearer|basic|token)\s+)?[^\s"',;&}\])<>]+)"""
_NAMED = re.compile(
    rf"""(?<![\w-])(?P<name>(?:--)?{_NAMES}["']?(?:\s*=\s*|:\s*))(?!{re.escape(HIDDEN)}){_VALUE}""", re.IGNORECASE
)
_OPTION = re.compile(r"(?P<name>--(?:api-)?(?:secret|password|token)\s+)(?![-*])\S+", re.IGNORECASE)
_BEARER = re.compile(r"(?P<name>\b(?:bearer|basic)\s+)(?=[\w+/=.~-]*\d)[\w+/=.~-]{8,}", re.IGNORECASE)
_IN_URL = re.compile(r"(?P<name>://)[^/\s@\"'<>]+(?=@)")
_TURN_URL = re.compile(r"(?P<name>\bturns?:)[^\s@\"'/?]+:[^\s@\"'/?]+(?=@)", re.IGNORECASE)
_PROVIDER = re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|xox[abps]|AKIA|AIza)[-_]?[\w-]{16,}")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)
_MADE_UP = re.compile(
    # base 62: upper, lower and digits, no word and no id has so many in one piece
    r"(?<![A-Za-z0-9])(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])(?=[A-Za-z]*\d[A-Za-z]*\d)[A-Za-z0-9]{40,88}(?![A-Za-z0-9])"
    # base 64, of 20 and of 32 bytes
    r"|(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/]{27}=|[A-Za-z0-9+/]{43}=)(?![=A-Za-z0-9+/])"
)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret: `apiSecret`, `api_secret`, `ice-pwd`."""
    return bool(SECRET_NAME.search(_CAMEL.sub("_", name)))


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """The text, with `***` for every secret: those that are known, and whatever looks like one."""
    text = scrub(text, [secret for secret in known if len(secret) >= SHORTEST])
    for pattern in (_PEM, _NAMED, _OPTION, _BEARER, _TURN_URL, _IN_URL, _PROVIDER, _MADE_UP):
        if pattern.search(text):
            text = pattern.sub(lambda found: f"{found.groupdict().get('name') or ''}{HIDDEN}", text)
    return text
