"""On which line of a TOML text each key stands: tomllib tells the values, and not where they are."""

from __future__ import annotations

import re

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
