"""Reads a log of any size, plain or packed, as the lines that go into a bundle."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import deque
from typing import TYPE_CHECKING

from lkdiag.bundle.cleaning import without_colours
from lkdiag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

HEAD_MAX = 2_000_000
"""Characters of a log's beginning that are kept, in which a worker says what it is."""
TAIL_MAX = 18_000_000
"""Characters of its end. GitHub takes attachments of 25 MB; logs pack about ten to one."""
LONGEST_LINE = 1_000_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"


def read_lines(path: Path) -> tuple[list[str], int]:
    """The lines without their ends, and how many were left out in the middle of a huge file.

    Raises UsageError when it can't be read. A packed file that is cut off gives what can be unpacked.
    """
    head: list[str] = []
    tail: deque[str] = deque()
    sizes = [0, 0]
    left_out = 0
    try:
        for line in _lines(path):
            size = len(line) + 1
            if not tail and sizes[0] + size <= HEAD_MAX:
                head.append(line)
                sizes[0] += size
                continue
            tail.append(line)
            sizes[1] += size
            while sizes[1] > TAIL_MAX:
                sizes[1] -= len(tail.popleft()) + 1
                left_out += 1
    except (EOFError, zlib.error, gzip.BadGzipFile):
        pass
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}", "check its permissions") from error
    gap = [f"… {left_out} lines left out of the bundle …"] if left_out else []
    return [*head, *gap, *tail], left_out


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as raw:
        start = raw.read(2)
        raw.seek(0)
        binary: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if start == _GZIP else raw
        encoding = "utf-16" if start in _UTF_16 else "utf-8-sig"
        with io.TextIOWrapper(binary, encoding=encoding, errors="replace") as text:
            # an overlong line is cut into several: a secret at the cut would be in two halves, so what follows goes
            overlong = False
            while line := text.readline(LONGEST_LINE):
                ended = line.endswith("\n")
                if not overlong:
                    yield without_colours(line.rstrip("\r\n")) if ended or len(line) < LONGEST_LINE else "…"
                overlong = not ended
