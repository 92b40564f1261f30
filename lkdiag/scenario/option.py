"""Options, each declared once: its help, its unit and its bounds stand at its field.

The command line, the keys of a scenario's file, their JSON Schema and every error about a value are derived from that:
by lkdiag.cli.command and lkdiag.scenario.schema. To add an option, add a field.

    @dataclass(frozen=True)
    class Knock(Options):
        pause_s: Annotated[float, Option("Pause between two knocks.", above=0, most=DAY_S)] = 1.0
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import Enum
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

from lkdiag.errors import UsageError

DAY_S = 24 * 3600.0
VERDICT = "Verdict"
PACE = "Pace"
UNTIL_STOPPED = "leave it out to go on until Ctrl-C"


@dataclass(frozen=True)
class Option:
    """What stands in the annotation of an option's field, or of a command's parameter."""

    help: str
    _: KW_ONLY
    panel: str | None = None
    """Under which heading `--help` lists it; None: the first one."""
    short: str = ""
    """`-n`, on the command line."""
    key: str = ""
    """Its name, where the field has another: `cleanup` for `cleanups`."""
    metavar: str = ""
    """What stands for the value in `--help`, where the type does not say it."""
    unit: str = ""
    """Of a number that is no duration: `trials a second`."""
    least: float | None = None
    above: float | None = None
    below: float | None = None
    most: float | None = None
    why: str = ""
    """Behind the bounds, in the error about a value outside of them: what to do instead."""
    default: str | None = None
    """The default in words, where the field's own value does not say it; empty: it is not shown."""
    in_file: str = ""
    """Its help in a scenario's file, where it means something else there."""
    in_file_only: bool = False
    """Whether the command line has no such option."""
    not_on_command_line: tuple[Enum, ...] = ()
    """Values that make sense in a file only."""
    env: str = ""
    """Environment variables that say the same."""
    env_help: str = ""


@dataclass(frozen=True)
class Declared:
    """An option with the name, the type and the default of its field."""

    name: str
    """The field's: `settle_s`."""
    type: Any
    """Without Annotated and None: `float`."""
    default: Any
    """`dataclasses.MISSING` where it has to be given."""
    option: Option

    @property
    def key(self) -> str:
        """As users write it: `settle`, without dashes."""
        return self.option.key or key_of(self.name)

    @property
    def is_duration(self) -> bool:
        """Whether it is in seconds: then its field is called so."""
        return self.name.endswith("_s") and self.type is float

    @property
    def item(self) -> Any:
        """The type of each of its values where there may be several, else None."""
        return get_args(self.type)[0] if get_origin(self.type) is tuple else None

    @property
    def is_list(self) -> bool:
        """Whether it is a choice of several words."""
        return isinstance(self.item, type) and issubclass(self.item, Enum)

    def distinct(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """Several values, as the field holds them: a word that is given twice counts once."""
        return tuple(dict.fromkeys(values)) if self.is_list else tuple(values)

    def check(self, value: Any) -> None:
        """Raises UsageError for a value outside of the bounds."""
        option, name = self.option, f"--{self.key}"
        if value == () and self.default:
            raise UsageError(f"{name} names nothing", "name one at least")
        if not isinstance(value, int | float) or isinstance(value, bool):
            return
        if self.type is int and option.most is not None and value > option.most:
            raise UsageError(f"{name} is above {option.most:,}", "a run of that size never ends")
        inside = (
            (option.least is None or value >= option.least)
            and (option.above is None or value > option.above)
            and (option.below is None or value < option.below)
            and (option.most is None or value <= option.most)
        )
        if not inside:
            shown = f"{value}" if self.type is int else f"{value:g}{' s' if self.is_duration else ''}"
            why = f": {option.why}" if option.why else ""
            told = f"it is {option.unit}," if option.unit else "it has to be"
            raise UsageError(f"{name} is {shown}", f"{told} {self._bounds()}{why}")

    def _bounds(self) -> str:
        least, above, below, most = (
            None if end is None else self._shown(end)
            for end in (self.option.least, self.option.above, self.option.below, self.option.most)
        )
        if least is not None:
            return f"{least} or more" if most is None or self.type is int else f"from {least} to {most}"
        if below is not None:
            return f"between {above} and {below}"
        return f"above {above}" if most is None else f"above {above} and up to {most}"

    def _shown(self, end: float) -> str:
        if not self.is_duration or not end:
            return f"{end:g}"
        return "a day" if end == DAY_S else f"{end:g}s"


@dataclass(frozen=True)
class Options:
    """Fields that are options. Making one raises UsageError for a value outside of its bounds."""

    def __post_init__(self) -> None:
        for declared in options_of(type(self)).values():
            declared.check(getattr(self, declared.name))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Made of what the user has given, by the fields' names; the rest is by default. Raises UsageError."""
        made = cls(**{**cls.defaults(given), **given})
        object.__setattr__(made, "_given", dict(given))
        return made

    @classmethod
    def defaults(cls, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG003 - some look at it
        """Defaults that depend on what is given."""
        return {}

    @property
    def given(self) -> Mapping[str, Any]:
        """What the user has given, by the fields' names; all of it, where nobody knows."""
        given: Mapping[str, Any] | None = self.__dict__.get("_given")
        if given is not None:
            return given
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def changed(self, **changes: Any) -> Self:
        """With other values; defaults that depend on them follow anew. Raises UsageError."""
        return self.of({**self.given, **changes})


_DECLARED: dict[type, Mapping[str, Declared]] = {}


def options_of(options: type[Options]) -> Mapping[str, Declared]:
    """Its options by the fields' names. Fields without an Option are none, such as a group within a group."""
    if options not in _DECLARED:
        hints = get_type_hints(options, include_extras=True)
        found = (declared_by(field.name, hints[field.name], field.default) for field in dataclasses.fields(options))
        _DECLARED[options] = {declared.name: declared for declared in found if declared is not None}
    return _DECLARED[options]


def declared_by(name: str, hint: Any, default: Any) -> Declared | None:
    """The option that an annotation declares, if it does."""
    option = next((note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Option)), None)
    if option is None:
        return None
    type_ = get_args(hint)[0]
    if get_origin(type_) in (Union, types.UnionType):
        (type_,) = (part for part in get_args(type_) if part is not type(None))
    return Declared(name, type_, default, option)


OPTION_NAME = re.compile(r"--([a-z][a-z-]*)")
"""An option, where a text for the command line names it."""


def key_of(field_name: str) -> str:
    """How a field is written: `delayed_after_s` is `delayed-after`, `for_` is `for`."""
    return field_name.removesuffix("_s").rstrip("_").replace("_", "-")


# -- how people write values -------------------------------------------------------------------------------------------
# Numbers have the digits 0 to 9 and one decimal point. `1_000`, `+5`, ` 5`, `nan` and `２` are none, though Python's
# own int() and float() take them.

_WHOLE = re.compile(r"-?[0-9]{1,18}")  # so many digits fit into 64 bits
_NUMBER = re.compile(r"-?(?:[0-9]{1,18}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
DURATION_FORM = r"([0-9]{1,18}(?:\.[0-9]{1,30})?|\.[0-9]{1,30})(?: ?(ms|s|m|h))?"
_DURATION = re.compile(DURATION_FORM)
_PORT = re.compile("[0-9]{1,5}")


def parse_whole(text: str) -> int:
    """The whole number in `text`. Raises ValueError for anything else."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


def parse_number(text: str) -> float:
    """The finite number in `text`; a negative zero is zero. Raises ValueError for anything else."""
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number + 0.0


NUMBERS: Mapping[type, tuple[str, Callable[[str], float]]] = {
    int: ("a whole number", parse_whole),
    float: ("a number", parse_number),
}
"""What each kind of number is called in an error, and what reads it."""


def parse_duration_s(text: str) -> float:
    """Seconds in `4s`, `250ms`, `1.5s`, `2m`, `2h`, or in plain seconds. Raises UsageError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a duration", "write it like 4s, 250ms, 1.5s or 2m")
    return float(match[1]) * _UNITS_S[match[2]]


def parse_address(text: str, option: str) -> tuple[str, int]:
    """HOST:PORT to listen on. Raises UsageError, which names the option."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not _PORT.fullmatch(port) or int(port) > 65535:
        raise UsageError(
            f"{option} {text!r} is not an address to listen on", "write it as HOST:PORT, as in 0.0.0.0:8787"
        )
    return host.strip("[]"), int(port)
