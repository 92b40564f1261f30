"""Cleans journals and logs line by line: secrets always, what names somebody unless everything is to be kept."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lkdiag.report.masking import embedded
from lkdiag.report.secrets import HIDDEN, is_secret_name, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lkdiag.report.masking import Masks

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?!.*-----END)")
_KEY_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
LABEL = "data"
"""Where an event of a journal has what is to be cleaned; the rest of it are numbers, and its kind."""


class Cleaner:
    """First `learn` every text that goes into the same bundle, then clean them."""

    def __init__(self, masks: Masks | None, secrets: Sequence[str] = ()) -> None:
        self._masks = masks
        known = tuple(secrets)
        # logs say the same again and again
        self._secretless = lru_cache(maxsize=50_000)(lambda text: without_secrets(text, known))

    def learn_journal(self, lines: Iterable[str]) -> None:
        """Take notice of who and what is named in a journal."""
        for line in lines:
            event = _object(line)
            self._learn(line if event is None else event.get(LABEL))

    def learn_log(self, lines: Iterable[str]) -> None:
        """Take notice of who and what is named in a log."""
        for line in lines:
            before, fields, after = _parts(line)
            for part in (before, fields, after):
                self._learn(part)

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
        in_key = False
        for line in lines:
            ends = bool(_KEY_ENDS.search(line))
            if in_key:
                in_key = not ends
                yield HIDDEN
                continue
            in_key = bool(_KEY_BEGINS.search(line))
            before, fields, after = _parts(line)
            if fields is None:
                yield self._text(before)
                continue
            cleaned = self.value(fields)
            rest = line[len(before) : len(line) - len(after)] if cleaned == fields else _dumped(cleaned)
            yield f"{self._text(before)}{rest}{self._text(after)}"

    def value(self, value: Any) -> Any:
        """Any value of JSON."""
        hidden = self._without_secrets(value)
        return hidden if self._masks is None else self._masks.value(hidden)

    def _learn(self, value: Any) -> None:
        if self._masks is not None and value:
            self._masks.learn(self._without_secrets(value))

    def _without_secrets(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._without_secrets(item, key) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._without_secrets(item, name) for item in value]
        if isinstance(value, str) and value:
            if name and is_secret_name(name):
                return HIDDEN
            if (inner := embedded(value)) is not None:
                hidden = self._without_secrets(inner)
                value = value if hidden == inner else json.dumps(hidden, ensure_ascii=False)
            return self._secretless(value)
        return value

    def _text(self, text: str) -> str:
        text = self._secretless(text)
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
