"""`--set key=value`: settings, and what varies, given on the command line instead of in the file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag.errors import UsageError
from lkdiag.scenario.number import parse_number, parse_whole
from lkdiag.scenario.place import meant
from lkdiag.scenario.workers import MAIN, WorkerSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lkdiag.scenario.position import Path

HINT = "as in --set count=5, --set vary.pause=0s,5s or --set workers.main.behaviour=ghost"


def split_overrides(texts: Iterable[str]) -> dict[str, str]:
    """`["count=5"]` as {"count": "5"}; the last one counts. Raises UsageError for one without key or `=`."""
    overrides = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text}: this is not a key and a value", HINT)
        overrides[key.strip()] = value.strip()
    return overrides


def apply_overrides(
    raw: dict[str, Any], overrides: Mapping[str, str], settings: type[msgspec.Struct], *, plays_workers: bool
) -> dict[Path, str]:
    """Put them into the document; for each value that they gave, how.

    `plays_workers`: whether a scenario of that kind has [workers]. Raises UsageError for an unknown key, or one that
    is given nothing where it is a list.
    """
    applied: dict[Path, str] = {}
    for key, text in overrides.items():
        path = _path_of(key, raw, settings, plays_workers=plays_workers)
        table = raw
        for part in path[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                break  # the file itself is wrong there, and will be told so
        else:
            is_list = path[0] == "vary" or ("," in text and path[0] == "settings" and path[-1] in _lists(settings))
            if is_list and not _split(text):
                raise UsageError(f"--set {key}={text}: it names nothing", f"one or several, {HINT}")
            table[path[-1]] = [_read(one) if path[0] == "vary" else one for one in _split(text)] if is_list else text
            applied[path] = f"{key}={text}"
    return applied


def _path_of(
    key: str, raw: Mapping[str, Any], settings: type[msgspec.Struct], *, plays_workers: bool
) -> tuple[str, ...]:
    known: list[tuple[str, ...]] = [("settings", field.encode_name) for field in msgspec.structs.fields(settings)]
    varied, workers = raw.get("vary"), raw.get("workers")
    known += [("vary", name) for name in (varied if isinstance(varied, dict) else ())]
    # a call has no workers: only [settings] and, told so in their turn, tables that should not be there
    names = dict.fromkeys([*([MAIN] if plays_workers else []), *(workers if isinstance(workers, dict) else ())])
    known += [("workers", name, field.encode_name) for name in names for field in msgspec.structs.fields(WorkerSpec)]
    by_key = {".".join(path).removeprefix("settings."): path for path in known}
    asked = key.removeprefix("settings.").removeprefix("--")
    for form in (asked, asked.replace("_", "-")):
        if form in by_key:
            return by_key[form]
    raise UsageError(
        f'--set {key}: there is no setting "{key}"{meant(asked.replace("_", "-"), by_key)}',
        f"known: {', '.join(by_key)}",
    )


def _lists(settings: type[msgspec.Struct]) -> set[str]:
    return {"cleanup", "hangup", "agent-exit"} & set(settings.__struct_encode_fields__)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _read(text: str) -> str | int | float | bool:
    """A value of [vary] as it would stand in the file, where a text has quotes."""
    if text in ("true", "false"):
        return text == "true"
    for number in (parse_whole, parse_number):
        with contextlib.suppress(ValueError):
            return number(text)
    return text
