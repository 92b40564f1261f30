"""TOML, read in a user's words: which key is wrong, what it is, and what it may be."""

from __future__ import annotations

import math
import types
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from lkdiag.errors import UsageError
from lkdiag.scenario.option import DAY_S, key_of, parse_duration_s, parse_number, parse_whole
from lkdiag.text import did_you_mean

if TYPE_CHECKING:
    from msgspec.structs import FieldInfo

    from lkdiag.scenario.location import Location

IS = "is"
"""In a Meta's `extra`: what a value has to be, where its type alone does not say it."""

T = TypeVar("T", bound=msgspec.Struct)


if TYPE_CHECKING:
    Duration = float
else:

    class Duration(float):
        """Seconds; written as "4s", "250ms", "1.5s", "2m", or as a number of seconds. What is read is a plain float."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename=key_of):
    """A table of a scenario's file."""


def read_table(raw: Any, struct: type[T], location: Location, what: str = "key") -> T:
    """`raw` as `struct`. Raises UsageError, which names the location of the key that is wrong, missing or unknown."""
    fields = check_keys(raw, struct, location, what)
    values = {
        field.name: read_value(raw[key], field.type, location / key) for key, field in fields.items() if key in raw
    }
    return struct(**values)


def check_keys(raw: Any, struct: type[msgspec.Struct], location: Location, what: str = "key") -> dict[str, FieldInfo]:
    """The fields by their keys, once `raw` is a table that has all that it needs and nothing else."""
    if not isinstance(raw, dict):
        raise location.error(f"it is {shown(raw)}, not a table", f"write it as [{location.key}]")
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    tag = struct.__struct_config__.tag_field
    known = [*([tag] if tag else []), *fields]
    for key in raw:
        if key not in known:
            raise (location / key).unknown(what, key, known, "" if fields else "it takes none")
    missing = [key for key, field in fields.items() if field.required and key not in raw]
    if missing:
        raise (location / missing[0]).error("it is missing", f"it takes {', '.join(known)}")
    return fields


def read_value(raw: Any, type_: Any, location: Location) -> Any:
    """`raw` as `type_`; what came from a command line is text, and is read as such."""
    try:
        value = msgspec.convert(raw, type_, strict=not location.is_override, dec_hook=_read_own)
        return _number(raw, value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    except UsageError as error:
        raise location.error(error.message, error.hint) from None
    except (msgspec.ValidationError, ValueError):
        pass
    words = words_of(type_)
    if words and raw == []:
        raise location.error("the list is empty", f"name one at least; known: {', '.join(words)}")
    wrong = next((one for one in (raw if isinstance(raw, list) else [raw]) if one not in words), raw)
    if words and isinstance(wrong, str):
        raise location.error(f'there is no "{wrong}"{did_you_mean(wrong, words)}', f"known: {', '.join(words)}")
    raise location.error(f"it is {shown(raw)}, and has to be {_described(type_)}")


def _number(raw: Any, value: float) -> float:
    """A number that is one in digits, and finite; a negative zero is zero. Raises ValueError."""
    if isinstance(raw, str) and type(value) in (int, float):  # a duration has been read by its own rule
        return parse_whole(raw) if isinstance(value, int) else parse_number(raw)
    if not math.isfinite(value):
        raise ValueError(value)
    return value if isinstance(value, int) else float(value) + 0.0


def _read_own(type_: type, value: Any) -> Any:
    if type_ is not Duration:
        raise NotImplementedError
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError
    seconds = parse_duration_s(value) if isinstance(value, str) else value
    if not 0 <= seconds <= DAY_S:  # not a number is not, either
        raise UsageError(f"{value} is no duration between 0 and a day", "write it like 4s, 250ms, 1.5s or 2m")
    return Duration(seconds)


def words_of(type_: Any) -> tuple[str, ...]:
    """The words that a value of that type may be; none where it may be any text."""
    if isinstance(type_, type) and issubclass(type_, Enum):
        return tuple(str(member.value) for member in type_)
    if get_origin(type_) is Literal:
        return tuple(str(word) for word in get_args(type_))
    if get_origin(type_) is Annotated:
        return words_of(get_args(type_)[0])
    return tuple(dict.fromkeys(word for part in get_args(type_) for word in words_of(part)))


def _described(type_: Any) -> str:
    if get_origin(type_) is Annotated:
        inner, *notes = get_args(type_)
        if said := [note.extra[IS] for note in notes if note.extra and IS in note.extra]:
            return str(said[0])
        if inner is str and any(note.min_length for note in notes):
            return "a text that is not empty"
        ends = [f"{word} {bound}" for note in notes for word, bound in (("at least", note.ge),) if bound is not None]
        return " of ".join((_described(inner), *ends))
    if words := words_of(type_):
        return f"one of {', '.join(words)}"
    if get_origin(type_) in (Union, types.UnionType):
        return " or ".join(_described(part) for part in get_args(type_))
    if get_origin(type_) is tuple:
        return f"a list, each {_described(get_args(type_)[0])}"
    return {
        int: "a whole number",
        float: "a number",
        str: "a text in quotes",
        bool: "true or false",
        Duration: 'a duration, as "4s" or "250ms"',
    }.get(type_, "something else")


def shown(value: Any) -> str:
    """A value as it stands in the file, or what it is where that would be long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 and value.isprintable() else f'"{value[:40].splitlines()[0]}…"'
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else str(value)
