"""What of a log's free text may be passed on: one line, without secrets, of a readable length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkdiag.settings.scrubbing import scrub
from lkdiag.settings.wording import printable

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST = 300
"""Characters. What workers log of themselves has fewer than 250."""
LOOKED_AT = 8_000
"""Characters: enough to find the end of a token that begins among those that are kept."""

_NAMED = re.compile(
    r"""(?<![\w-])(?P<name>(?:[\w-]*(?:secret|password|token|authorization)|[\w-]*api[-_ ]?key)["']?\s*[:=]\s*)"""
    r"""["']?(?:(?:bearer|basic|token)\s+)?[^\s"',;&}\])]+""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<name>\bbearer\s+)[^\s\"',;]+", re.IGNORECASE)
_KEYS = re.compile(r"\b(?:sk|pk|rk|ghp|xox[abp])[-_][\w-]{8,}")
"""Keys of model providers and the like: an entrypoint that fails with one of them quotes it in its error."""
_IN_URL = re.compile(r"(?P<name>://)[^/\s@]+@")
_TRACEBACK_FRAME = re.compile(r"\s+File \"")


def quoted(text: str, secrets: Collection[str]) -> str:
    """The first line of `text`, fit to be shown and kept."""
    line = scrub(text[:LOOKED_AT].strip().partition("\n")[0].strip(), secrets)
    for pattern in (_NAMED, _BEARER, _IN_URL):
        line = pattern.sub(lambda found: f"{found['name']}***{'@' if found['name'] == '://' else ''}", line)
    line = printable(_KEYS.sub("***", line))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def last_error(traceback: str) -> str | None:
    """The line of a Python traceback that names the error; the error that was raised last, if one led to another."""
    lines = traceback.rstrip().split("\n")
    frames = [index for index, line in enumerate(lines) if _TRACEBACK_FRAME.match(line)]
    after = lines[frames[-1] + 1 :] if frames else lines[-1:]
    return next((line for line in after if line and not line[0].isspace()), None)
