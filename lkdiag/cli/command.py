"""From a command's function to typer's: each field of the options that it takes becomes a parameter.

    def knock(scenario: KnockScenario, output: OutputOptions, door: Annotated[str, Option("Which one.")] = "front")

A parameter is a class of options, an option by itself, or typer's own (an argument, the context). Names, help,
metavars, parsers, bounds and defaults come from the declarations (lkdiag.scenario.option). The function gets objects.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Annotated, Any, get_args, get_type_hints

import typer

from lkdiag.errors import UsageError
from lkdiag.scenario.fault import Fault, parse_faults
from lkdiag.scenario.option import NUMBERS, Declared, Options, declared_by, parse_duration_s

_CONTEXT = "context_"
"""A parameter of its own: typer's context knows what was given, and what is a default."""


@dataclass(frozen=True)
class Only:
    """In the annotation of a class of options: the fields of it that the command takes."""

    names: frozenset[str]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", frozenset(names))


@dataclass(frozen=True)
class _Taken:
    """A parameter of the command's function."""

    parameters: tuple[inspect.Parameter, ...]
    """As typer gets it."""
    options: tuple[Declared, ...]
    make: Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
    """Its value, out of all values by name, and of those that were given."""
    is_group: bool = False


def flat(command: Callable[..., None]) -> Callable[..., None]:
    """The function that typer gets: with a parameter for each option."""
    taken = _parts(command)

    def run(**values: Any) -> None:
        given = {name: value for name, value in values.items() if _is_given(values[_CONTEXT], name)}
        command(**{name: one.make(values, given) for name, one in taken.items()})

    parameters = [parameter for one in taken.values() for parameter in one.parameters]
    parameters.append(_parameter(_CONTEXT, typer.Context))
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def options_taken(command: Callable[..., None]) -> list[Declared]:
    """Every option of a command, in the order of its help."""
    return [declared for one in _parts(command).values() for declared in one.options]


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


@functools.cache
def _parts(command: Callable[..., None]) -> Mapping[str, _Taken]:
    return dict(_read_parts(command))


def _read_parts(command: Callable[..., None]) -> Iterator[tuple[str, _Taken]]:
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        default = dataclasses.MISSING if parameter.default is parameter.empty else parameter.default
        yield name, _option(name, hints[name], default) or _group(hints[name]) or _own(name, hints[name], default)


def _own(name: str, hint: Any, default: Any) -> _Taken:
    if hint is typer.Context:
        return _Taken((), (), lambda values, _: values[_CONTEXT])
    return _Taken((_parameter(name, hint, default),), (), lambda values, _: values[name])


def _group(hint: Any) -> _Taken | None:
    """A class of options, with whatever classes there are in it."""
    only = next((note.names for note in getattr(hint, "__metadata__", ()) if isinstance(note, Only)), None)
    options = hint if only is None else get_args(hint)[0]
    if not (isinstance(options, type) and issubclass(options, Options)):
        return None
    hints = get_type_hints(options, include_extras=True)
    assert only is None or only <= hints.keys(), f"no options of {options.__name__}: {sorted(only - hints.keys())}"
    fields = [field for field in dataclasses.fields(options) if only is None or field.name in only]
    found = {
        field.name: _option(field.name, hints[field.name], field.default) or _group(hints[field.name])
        for field in fields
    }
    taken = {name: one for name, one in found.items() if one is not None}

    def make(values: Mapping[str, Any], given: Mapping[str, Any]) -> Options:
        return options.of(
            {name: one.make(values, given) for name, one in taken.items() if one.is_group or name in given}
        )

    return _Taken(
        tuple(parameter for one in taken.values() for parameter in one.parameters),
        tuple(declared for one in taken.values() for declared in one.options),
        make,
        is_group=True,
    )


def _option(name: str, hint: Any, default: Any) -> _Taken | None:
    declared = declared_by(name, hint, default)
    if declared is None or declared.option.in_file_only:
        return None

    def make(_: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
        if name not in given:
            return default
        value = _value(declared, given[name])
        declared.check(value)
        return value

    return _Taken((_as_parameter(declared),), (declared,), make)


def _value(declared: Declared, value: Any) -> Any:
    """What typer has read, as the field holds it."""
    if declared.item is not None and declared.item is not Fault:
        return declared.distinct(value)
    return declared.type(value.value) if isinstance(value, Enum) else value


def _as_parameter(declared: Declared) -> inspect.Parameter:
    """As typer gets an option. A default is for `--help` only: what was not given is the declared one."""
    option, flag = declared.option, f"--{declared.key}"
    if declared.default is True:
        flag = f"{flag}/--no-{declared.key}"
    info = typer.Option(
        *filter(None, (flag, option.short)),
        help=_help(declared),
        metavar=option.metavar or _metavar(declared),
        min=option.least if declared.type in NUMBERS and not declared.is_duration else None,
        max=option.most if declared.type is float and not declared.is_duration and option.above is None else None,
        parser=_parser(declared),
        rich_help_panel=option.panel,
    )
    type_, default = _typer_type(declared), declared.default
    if default is not dataclasses.MISSING and (option.default is not None or default in ("", ()) or declared.item):
        default = None
    return _parameter(declared.name, Annotated[type_ if default is not None else type_ | None, info], default)


def _parameter(name: str, hint: Any, default: Any = dataclasses.MISSING) -> inspect.Parameter:
    given = inspect.Parameter.empty if default is dataclasses.MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=given)


def _typer_type(declared: Declared) -> Any:
    if declared.item is Fault:
        return str
    if declared.item is not None:
        return list.__class_getitem__(declared.item)
    left_out = declared.option.not_on_command_line
    if left_out:
        return StrEnum(declared.type.__name__, [(one.name, one.value) for one in declared.type if one not in left_out])
    return declared.type


def _help(declared: Declared) -> str:
    option, words = declared.option, declared.option.help
    if declared.item not in (None, Fault) and "repeated" not in words:
        words = f"{words.removesuffix('.')}; may be repeated."
    if option.env and "," not in option.env:
        words = f"{words.removesuffix('.')} [env: {option.env}]."
    if option.default:
        words = f"{words} [default: {option.default}]"
    return words.replace("[", r"\[")


def _metavar(declared: Declared) -> str | None:
    return "TIME" if declared.is_duration else {int: "INTEGER", float: "FLOAT"}.get(declared.type)


def _parser(declared: Declared) -> Callable[[Any], Any] | None:
    """What reads the text of an option, where typer is not strict enough, or does not know how."""
    read = _read_faults if declared.item is Fault else _reader(declared)
    # typer hands the default, which is a value already, to the parser too
    return read and (lambda value: read(value) if isinstance(value, str) else value)


def _reader(declared: Declared) -> Callable[[str], Any] | None:
    name = f"--{declared.key}"

    def duration(text: str) -> float:
        try:
            return parse_duration_s(text)
        except UsageError as error:
            raise UsageError(f"{name}: {error.message}", error.hint) from None

    def number(text: str) -> float:
        what, parse = NUMBERS[declared.type]
        try:
            return parse(text)
        except ValueError:
            raise UsageError(f"{name}: {text!r} is not {what}", f"it has to be {what}, in the digits 0 to 9") from None

    if declared.is_duration:
        return duration
    return number if declared.type in NUMBERS else None


def _read_faults(text: str) -> tuple[Fault, ...]:
    from lkdiag.client.behaviours import FAULTS, make_behaviour

    return parse_faults(text, FAULTS, make_behaviour)
