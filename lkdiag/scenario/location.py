"""Where a value stands in a scenario's file: its file, its path of keys, and its line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


HINT = "`lkdiag scenarios schema` says what each key may be"


@dataclass(frozen=True)
class Location:
    """Where a value comes from: a line of the file, or a `--set` that stands for it."""

    file: str
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)
    overrides: Mapping[Path, str] = field(default_factory=dict, repr=False)
    """For each value that was given on the command line: how."""
    path: Path = ()

    def __truediv__(self, part: str | int) -> Location:
        return replace(self, path=(*self.path, part))

    @property
    def is_override(self) -> bool:
        """Whether the value was given on the command line, as text."""
        return self.path in self.overrides

    @property
    def is_told(self) -> bool:
        """Whether the file, or the command line, says something there."""
        return self.path in self.lines or self.is_override

    @property
    def line(self) -> int:
        """The line of the key, or of the nearest table around it."""
        known = (self.path[:end] for end in range(len(self.path), 0, -1))
        return next((self.lines[path] for path in known if path in self.lines), 1)

    @property
    def key(self) -> str:
        """The key as people write it: `steps[2].for`."""
        shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return shown.removeprefix(".")

    def error(self, message: str, hint: str = "") -> UsageError:
        """The error to raise, with this location in front."""
        hint = hint or HINT
        given = next((self.overrides[p] for p in self._ways_down() if p in self.overrides), None)
        if given is not None:
            return UsageError(f"--set {given}: {message}", hint)
        where = f"{self.file}:{self.line}:"
        return UsageError(f"{where} {self.key}: {message}" if self.path else f"{where} {message}", hint)

    def unknown(self, what: str, name: str, known: Iterable[str], hint: str = "") -> UsageError:
        """The error for a name that isn't known, with the nearest one that is."""
        names = list(known)
        return self.error(
            f'there is no {what} "{name}"{did_you_mean(name, names)}', hint or f"known: {', '.join(names)}"
        )

    def _ways_down(self) -> Iterable[Path]:
        return (self.path[:end] for end in range(len(self.path), 0, -1))


Path = tuple[str | int, ...]
"""From the document's top to a value: ("steps", 2, "for")."""

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}' r"|'''(?:[^']|'(?!''))*'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")


def locate(text: str) -> dict[Path, int]:
    """The line, from 1, of every key, table and array item. `text` has to be TOML that tomllib can read."""
    return _Locator(text.replace("\r\n", "\n")).lines()


class _Locator:
    """Reads along the text once. It trusts it: what is no TOML was refused before."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._tables_in: dict[Path, int] = {}
        """For every array of tables, how many it has so far."""

    def lines(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip(_BLANK) and self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> Path:
        line, many = self._line(), self._text.startswith("[[", self._at)
        self._at += 2 if many else 1
        parts = self._key()
        self._skip(_BLANK)
        self._at += 2 if many else 1
        path = self._resolve((), parts[:-1], line)
        path = (*path, parts[-1])
        self._lines.setdefault(path, line)
        if many:
            number = self._tables_in.get(path, 0)
            self._tables_in[path] = number + 1
            path = (*path, number)
            self._lines[path] = line
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        parts = self._key()
        self._skip(_BLANK)
        self._at += 1  # =
        path = (*self._resolve(table, parts[:-1], line), parts[-1])
        self._lines.setdefault(path, line)
        self._value(path)

    def _resolve(self, start: Path, parts: list[str], line: int) -> Path:
        """Where a dotted key leads: through an array of tables it means the last of them."""
        path = start
        for part in parts:
            path = (*path, part)
            self._lines.setdefault(path, line)
            if path in self._tables_in:
                path = (*path, self._tables_in[path] - 1)
        return path

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        if self._text.startswith("[", self._at):
            self._items("]", path)
        elif self._text.startswith("{", self._at):
            self._items("}", path)
        else:
            self._skip(_STRING) or self._skip(_SCALAR)

    def _items(self, end: str, path: Path) -> None:
        self._at += 1
        number = 0
        while True:
            self._skip(_BLANK)
            if self._text.startswith(",", self._at):
                self._at += 1
            elif self._at >= len(self._text) or self._text.startswith(end, self._at):
                self._at += 1
                return
            elif end == "}":
                self._pair(path)
            else:
                self._lines[*path, number] = self._line()
                self._value((*path, number))
                number += 1

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._skip(_BLANK)
            match = _BARE_KEY.match(self._text, self._at) or _STRING.match(self._text, self._at)
            assert match is not None, "not TOML"
            self._at = match.end()
            parts.append(_unquoted(match[0]))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _skip(self, form: re.Pattern[str]) -> bool:
        match = form.match(self._text, self._at)
        if match is None:
            return False
        self._at = match.end()
        return True

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1


def _unquoted(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    if not key.startswith('"'):
        return key
    return _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _ESCAPES[m[3]], key[1:-1])
