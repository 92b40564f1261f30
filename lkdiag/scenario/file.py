"""Where scenarios are: those that come with lkdiag, by name, and the user's own, by path."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lkdiag.errors import UsageError
from lkdiag.scenario.location import Location
from lkdiag.text import did_you_mean

SUFFIX = ".toml"
COMMANDS = ("dispatch-trial", "transfer-teardown")
"""Scenarios that are commands of their own."""
SCHEMA_FILE = "scenario.schema.json"
LIST_HINT = "`lkdiag scenarios` lists those that come with lkdiag"
COPY_HINT = "`lkdiag scenarios show dispatch-trial` prints one to start from"
_PACKAGE = Path(__file__).parents[1]
_SIZE_MAX = 1_000_000
"""Bytes. The longest story is a few thousand."""
_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


def builtin_folder() -> Path:
    """In a wheel they are in the package; in a checkout, and in an editable install of it, next to the package."""
    inside = _PACKAGE / "_scenarios"
    return inside if inside.is_dir() else _PACKAGE.parent / "scenarios"


def builtin_names() -> tuple[str, ...]:
    """The scenarios that come with lkdiag, in alphabetical order."""
    return tuple(sorted(path.stem for path in builtin_folder().glob(f"*{SUFFIX}")))


def read_builtin_text(name: str) -> str:
    """The file of that name, as it is. Raises UsageError, with the nearest name, when there is none."""
    names = builtin_names()
    if name not in names:
        raise UsageError(f'there is no scenario "{name}"{did_you_mean(name, names)}', LIST_HINT)
    return (builtin_folder() / f"{name}{SUFFIX}").read_text(encoding="utf-8")


def read_schema_text() -> str:
    """The JSON Schema of the format."""
    return (builtin_folder() / SCHEMA_FILE).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Summary:
    """What a list says of a scenario."""

    name: str
    kind: str
    title: str
    failure: str
    report: str


def read_summaries() -> tuple[Summary, ...]:
    """Those that come with lkdiag: the two commands' first, then failure by failure."""
    found = []
    for name in builtin_names():
        raw = parse_toml(read_builtin_text(name), f"{name}{SUFFIX}")
        words = (str(raw.get(key, "")) for key in ("kind", "title", "failure", "report"))
        found.append(Summary(name, *words))
    return tuple(sorted(found, key=_place_in_list))


def _place_in_list(summary: Summary) -> tuple[bool, int, str]:
    number = re.sub(r"\D", "", summary.failure)
    return summary.name not in COMMANDS, int(number) if number else 0, summary.name


def find_file(name_or_path: str) -> Path:
    """The file of a scenario that comes with lkdiag, or the one at that path. Raises UsageError when there is none."""
    names = builtin_names()
    if name_or_path in names:
        return builtin_folder() / f"{name_or_path}{SUFFIX}"
    path = Path(name_or_path)
    try:
        if name_or_path and path.exists():
            if path.is_dir():
                raise UsageError(f"{path} is a folder, not a scenario", "name one of the files in it")
            if not path.is_file():
                raise UsageError(f"{path} is no ordinary file", "name a scenario's file")
            return path
    except (OSError, ValueError):  # a name that is too long, or has a NUL in it
        pass
    wants_file = path.suffix == SUFFIX or len(path.parts) > 1
    what = f"file {name_or_path}" if wants_file else f'scenario "{name_or_path}"'
    raise UsageError(f"there is no {what}{did_you_mean(path.stem if wants_file else name_or_path, names)}", LIST_HINT)


def read_text(path: Path) -> str:
    """What is in the file. Raises UsageError when it can't be read, is no text, or is far too long."""
    try:
        with path.open("rb") as file:
            content = file.read(_SIZE_MAX + 1)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", LIST_HINT) from None
    if len(content) > _SIZE_MAX:
        raise UsageError(f"{path} is above {_SIZE_MAX // 1_000_000} MB: that is no scenario", COPY_HINT)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: this is not text in UTF-8", COPY_HINT) from None
    if "\0" in text:
        raise UsageError(f"{path}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: this is not text", COPY_HINT)
    return text


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The document. Raises UsageError with the line where it is no TOML, or when it is empty."""
    try:
        raw = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{file}: it is nested too deeply", COPY_HINT) from None
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        match = _AT_LINE.search(said)
        line = int(match[1]) if match and match[1] else max(1, len(text.rstrip().splitlines()))
        message = _AT_LINE.sub("", said)
        raise UsageError(f"{file}:{line}: this is not TOML: {message}", COPY_HINT) from None
    except ValueError:  # Python reads no integer of more than 4,300 digits
        raise UsageError(f"{file}: there is a number of far too many digits", COPY_HINT) from None
    if not raw:
        raise Location(file).error("there is nothing in this scenario", COPY_HINT)
    return raw
