"""Cleans journals and logs line by line: secrets always, what names somebody unless everything is to be kept."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lkdiag.secrecy.scrubber import Scrubber

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lkdiag.report.masking import Masks

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LABEL = "data"
"""Where an event of a journal has what is to be cleaned; the rest of it are numbers, and its kind."""


class Cleaner:
    """First `learn` every text that goes into the same bundle, then clean them."""

    def __init__(self, masks: Masks | None, secrets: Sequence[str] = ()) -> None:
        self._masks = masks
        self._known = tuple(secrets)
        self._scrubber = Scrubber(self._known)

    def learn_journal(self, lines: Iterable[str]) -> None:
        """Take notice of who and what is named in a journal."""
        scrubber = Scrubber(self._known)
        for line in lines:
            event = _object(line)
            self._learn(scrubber, line if event is None else event.get(LABEL))

    def learn_log(self, lines: Iterable[str]) -> None:
        """Take notice of who and what is named in a log."""
        scrubber = Scrubber(self._known)
        for line in lines:
            for part in _parts(line):
                self._learn(scrubber, part)

    def journal(self, lines: Iterable[str]) -> Iterator[str]:
        """A journal's lines. One in which nothing is to be hidden stays as it is, byte by byte."""
        for line in lines:
            event = _object(line)
            if event is None:  # torn: the run was killed while it was written
                yield self._text(line)
                continue
            cleaned = self.value(event.get(LABEL))
            yield line if cleaned == event.get(LABEL) else _dumped({**event, LABEL: cleaned})

    def log(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines of a server's or a worker's log, JSON or not."""
        scrubber = Scrubber(self._known)  # a key block may go over several lines
        for line in lines:
            before, fields, after = _parts(line)
            if fields is None:
                yield self._masked(scrubber.text(before))
                continue
            cleaned = self._masked(scrubber.value(fields))
            rest = line[len(before) : len(line) - len(after)] if cleaned == fields else _dumped(cleaned)
            yield f"{self._masked(scrubber.text(before))}{rest}{after}"

    def value(self, value: Any) -> Any:
        """Any value of JSON."""
        return self._masked(self._scrubber.value(value))

    def _learn(self, scrubber: Scrubber, value: Any) -> None:
        if self._masks is not None and value:
            self._masks.learn(scrubber.value(value))

    def _masked(self, value: Any) -> Any:
        return value if self._masks is None else self._masks.value(value)

    def _text(self, text: str) -> str:
        text = self._scrubber.text(text)
        return text if self._masks is None else self._masks.text(text)


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _parts(line: str) -> tuple[str, dict[str, Any] | None, str]:
    """What a line of a log has before its fields, the fields, and what follows; workers in development mode write
    the time, the level and the message before them."""
    start = line.find("{")
    if start >= 0 and (found := _object(line[start:])) is not None:
        after = line[len(line.rstrip()) :]
        return line[:start], found, after
    return line, None, ""


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def without_colours(line: str) -> str:
    """A line of a log as it would read in a file."""
    return _ANSI.sub("", line)
