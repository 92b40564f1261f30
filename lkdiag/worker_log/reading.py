"""A worker's log file, read line by line: it may be huge, torn, compressed, or a mixture of several programs' lines."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.settings.wording import printable
from lkdiag.worker_log.collecting import Collector
from lkdiag.worker_log.line import WorkerLog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import tzinfo
    from pathlib import Path
    from typing import BinaryIO

LONGEST_LINE = 1_000_000
"""Characters. A longer line is passed over: the longest that a worker wrote in trials had 2,300."""

LINES_A_TELLING = 20_000

_HINT = "keep what the worker prints: `python agent.py start > worker.log 2>&1` (or `node agent.js start`)"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_LIVEKIT_SERVER = re.compile(r'"logger":\s*"livekit')


def read_worker_log(
    path: Path,
    *,
    secrets: Collection[str] = (),
    zone: tzinfo | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> WorkerLog:
    """Read the log of a livekit-agents or @livekit/agents worker, or of several, plain or gzip.

    `secrets` are taken out of every text, beside whatever looks like a token. `zone` is that of the machine on which
    a worker in development mode ran: its lines have local times, which without it are not known.
    `progress` is told now and then how many bytes have been read, and of how many, on the disk.
    Raises UsageError when the file can't be read, is empty, or holds not one line of a worker.
    """
    name = printable(str(path))
    collector = Collector(secrets, zone)
    cut_off = False
    by_server = False
    try:
        with path.open("rb") as raw:
            size = os.fstat(raw.fileno()).st_size
            for line in _lines(raw):
                collector.feed(line)
                if progress is not None and collector.total % LINES_A_TELLING == 0:
                    progress(raw.tell(), size)
                by_server = by_server or (collector.total <= 100 and bool(_LIVEKIT_SERVER.search(line[:1000])))
    except OSError as error:
        if not isinstance(error, gzip.BadGzipFile):
            raise UsageError(f"{name} can't be read: {error.strerror or error}", "check its permissions") from error
        cut_off = True
    except (EOFError, zlib.error):
        cut_off = True
    found = collector.finish()
    if not found.total and not cut_off:
        raise UsageError(f"{name} is empty", _HINT)
    if not found.recognised:
        said = "not one of its lines is a worker's" if found.total else "it is compressed, and can't be unpacked"
        hint = "it looks like livekit-server's log: give that of the worker" if by_server else _HINT
        raise UsageError(f"{name} is not the log of a LiveKit worker: {said}", hint)
    notes = []
    if found.torn:
        notes.append(f"{found.torn} torn or overlong lines of the worker's log were left out")
    if cut_off:
        notes.append("the worker's log is a compressed file that is cut off")
    return WorkerLog(
        path=path,
        lines=tuple(found.lines),
        total=found.total,
        first_at_ns=found.first_at_ns,
        last_at_ns=found.last_at_ns,
        worker_ids=tuple(found.worker_ids),
        sdks=tuple(sorted(found.sdks)),
        versions=tuple(found.versions),
        notes=tuple(notes),
    )


def _lines(raw: BinaryIO) -> Iterator[str]:
    """Lines without their ends; of an overlong one, a beginning that no format accepts."""
    start = raw.read(2)
    raw.seek(0)
    binary = gzip.GzipFile(fileobj=raw) if start == _GZIP else raw
    # Windows PowerShell writes UTF-16 when it redirects
    encoding = "utf-16" if start in _UTF_16 else "utf-8-sig"
    with io.TextIOWrapper(binary, encoding=encoding, errors="replace") as text:
        overlong = False
        while line := text.readline(LONGEST_LINE):
            ended = line.endswith("\n")
            if not overlong:
                yield line.rstrip("\n")
            overlong = not ended
