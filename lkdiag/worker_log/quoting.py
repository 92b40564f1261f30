"""What of a log's free text may be passed on: one line, without secrets, of a readable length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkdiag.settings.wording import printable

if TYPE_CHECKING:
    from lkdiag.secrecy.scrubber import Scrubber

LONGEST = 300
"""Characters. What workers log of themselves has fewer than 250."""
LOOKED_AT = 8_000
"""Characters: enough to find the end of a token that begins among those that are kept."""

_TRACEBACK_FRAME = re.compile(r"\s+File \"")


def quoted(text: str, scrubber: Scrubber) -> str:
    """The first line of `text`, fit to be shown and kept."""
    line = scrubber.text(text[:LOOKED_AT].strip()).partition("\n")[0].strip()
    line = printable(line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def last_error(traceback: str) -> str | None:
    """The line of a Python traceback that names the error; the error that was raised last, if one led to another."""
    lines = traceback.rstrip().split("\n")
    frames = [index for index, line in enumerate(lines) if _TRACEBACK_FRAME.match(line)]
    after = lines[frames[-1] + 1 :] if frames else lines[-1:]
    return next((line for line in after if line and not line[0].isspace()), None)
