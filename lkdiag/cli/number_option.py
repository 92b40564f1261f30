"""Options that take a number, read as strictly as durations are: see lkdiag/scenario/number.py."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from typer.models import ParameterInfo

from lkdiag.errors import UsageError
from lkdiag.scenario.number import parse_number, parse_whole

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[type, tuple[str, str, Callable[[str], float]]] = {
    int: ("INTEGER", "a whole number", parse_whole),
    float: ("FLOAT", "a number", parse_number),
}
"""By the type of an option: its word in `--help`, in an error, and what reads it."""


def read_strictly(command: Callable[..., Any]) -> None:
    """Let every parameter of that command which is a number, and has no parser of its own, be read strictly."""
    hints = get_type_hints(command, include_extras=True)
    for name in inspect.signature(command).parameters:
        hint = hints.get(name)
        if get_origin(hint) is not Annotated:
            continue
        type_, *extras = get_args(hint)
        kind = next((one for one in (get_args(type_) or (type_,)) if one in KINDS), None)
        info = next((extra for extra in extras if isinstance(extra, ParameterInfo)), None)
        if kind is not None and info is not None and info.parser is None:
            option = f"--{name.replace('_', '-')}"
            info.parser = _parser(kind, option, info.min, info.max)
            info.metavar = info.metavar or KINDS[kind][0]
    command.__annotations__ = hints


def _parser(kind: type, option: str, least: float | None, most: float | None) -> Callable[[Any], Any]:
    _, what, read = KINDS[kind]
    hint = f"it has to be {what}{_range(least, most)}, in the digits 0 to 9"

    def parse(value: Any) -> Any:
        """typer hands the default, which is a number already, to the parser too."""
        if not isinstance(value, str):
            return value
        try:
            number = read(value)
        except ValueError:
            raise UsageError(f"{option}: {value!r} is not {what}", hint) from None
        if (least is not None and number < least) or (most is not None and number > most):
            raise UsageError(f"{option} is {value}", hint)
        return number

    return parse


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {least:g} to {most:g}"
    return "" if least is None else f" from {least:g} on"
