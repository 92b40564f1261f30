"""Finds texts that only a machine makes up, and what is hidden in base 64.

LiveKit's API secrets and TURN passwords are 43 or 44 characters of base 62 (livekit-server, cmd/server/commands.go,
generateKeys; pkg/service/turn.go); passwords of TURN's REST API are 28 characters of base 64; a key block has lines of
64 (RFC 7468) or 76 characters of base 64 (RFC 2045).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from lkdiag.secrecy.mask import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable

_RUN = re.compile(
    # what stands behind an escape of a URL or of JSON begins behind the whole escape
    r"(?P<escape>(?<=%)[0-9A-Fa-f]{2}|(?<=\\)[nrt])?(?P<run>[A-Za-z0-9+/_-]{20,}={0,2})"
)
_PIECE = re.compile(r"[A-Za-z0-9]+")
_PIECE_LENGTHS = range(40, 89)
_KEY_LINES = frozenset({64, 70, 76})
"""Characters of a line of a key: of PEM, of OpenSSH, of MIME."""
_HASH = re.compile(r"sha\d{1,3}-", re.IGNORECASE)
_HASH_BEFORE = re.compile(r"sha\d{1,3}[:=]$", re.IGNORECASE)


def without_guessed(text: str) -> str:
    """`text` with `***` for whatever looks made up by a machine, and is no id of LiveKit's and no hash."""
    return _RUN.sub(_guessed, text)


def without_encoded(text: str, scrubbed: Callable[[str], str]) -> str:
    """`text` with `***` for every piece of base 64 in which `scrubbed` finds something."""

    def judge(found: re.Match[str]) -> str:
        decoded = _decoded(found["run"])
        clean = decoded is None or scrubbed(decoded) == decoded
        return found[0] if clean else f"{found['escape'] or ''}{HIDDEN}"

    return _RUN.sub(judge, text)


def _guessed(found: re.Match[str]) -> str:
    run, escape = found["run"], found["escape"] or ""
    if len(run) < 28 or not _is_mixed(run):
        return found[0]
    before = found.string[max(0, found.start() - 8) : found.start()]
    if _HASH.match(run) or _HASH_BEFORE.search(before):
        return found[0]
    body = run.rstrip("=")
    if "-" not in run and "_" not in run:
        is_password = len(run) - len(body) == 1 and len(body) in (27, 43)
        if is_password or (len(run) in _KEY_LINES and _is_key_line(found)):
            return f"{escape}{HIDDEN}"
    return escape + _PIECE.sub(_piece, run)


def _piece(found: re.Match[str]) -> str:
    return HIDDEN if len(found[0]) in _PIECE_LENGTHS and _is_mixed(found[0]) else found[0]


def _is_mixed(text: str) -> bool:
    """Capitals, small letters, and two digits: no word and no id has so many of them in one piece."""
    return text != text.lower() and text != text.upper() and sum(sign.isdigit() for sign in text) >= 2


def _is_key_line(found: re.Match[str]) -> bool:
    """Whether it has the letters of chance, and nothing stands beside it that belongs to a path or a name."""
    run, text = found["run"], found.string
    if text[found.end() : found.end() + 1] in (".", "@", ":") or text[max(0, found.start() - 1) : found.start()] == ".":
        return False
    return sum(map(str.isupper, run)) >= 8 and sum(map(str.islower, run)) >= 8 and sum(map(str.isdigit, run)) >= 3


def _decoded(run: str) -> str | None:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        text = base64.b64decode(body + "=" * (-len(body) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return text if len(text) >= 8 and text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else None
