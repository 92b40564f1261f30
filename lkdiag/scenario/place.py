"""A place in a scenario's file, and the errors that name it: `mine.toml:14: steps[2].for: …`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lkdiag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lkdiag.scenario.position import Path


HINT = "`lkdiag scenarios schema` says what each key may be"


@dataclass(frozen=True)
class Place:
    """Where a value comes from: a line of the file, or a `--set` that stands for it."""

    file: str
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)
    overrides: Mapping[Path, str] = field(default_factory=dict, repr=False)
    """For each value that was given on the command line: how."""
    path: Path = ()

    def __truediv__(self, part: str | int) -> Place:
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
        """The error to raise, with this place in front."""
        hint = hint or HINT
        given = next((self.overrides[p] for p in self._ways_down() if p in self.overrides), None)
        if given is not None:
            return UsageError(f"--set {given}: {message}", hint)
        where = f"{self.file}:{self.line}:"
        return UsageError(f"{where} {self.key}: {message}" if self.path else f"{where} {message}", hint)

    def unknown(self, what: str, name: str, known: Iterable[str], hint: str = "") -> UsageError:
        """The error for a name that isn't known, with the nearest one that is."""
        names = list(known)
        return self.error(f'there is no {what} "{name}"{meant(name, names)}', hint or f"known: {', '.join(names)}")

    def _ways_down(self) -> Iterable[Path]:
        return (self.path[:end] for end in range(len(self.path), 0, -1))


def meant(name: str, known: Iterable[str]) -> str:
    """`: did you mean …?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""
