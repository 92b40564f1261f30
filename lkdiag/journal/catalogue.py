"""Every kind of event, as it is declared: for the reference page, and for tests."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import get_annotations
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from lkdiag.journal import KINDS_ARE_IN
from lkdiag.journal.row import Row, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any"}


@dataclass(frozen=True)
class Field:
    """A field of an event's data."""

    name: str
    type: str
    """As JSON calls it: `string`, `array of integer`, …"""
    unit: str
    """Empty for what is no number with a unit."""
    optional: bool
    """Whether some events of the kind lack it."""
    doc: str


@dataclass(frozen=True)
class Kind:
    """A kind of event, or several with the same fields (`job.offered`, `staged.offered`; or `{who}.joined`)."""

    names: tuple[str, ...]
    area: str
    """What the kinds that are declared together are about, in a sentence."""
    lane: str
    told: bool
    """Whether a trial's story has words for it."""
    doc: str
    fields: tuple[Field, ...]


def catalogue() -> tuple[Kind, ...]:
    """Every kind that lkdiag records, in the order in which they are declared."""
    return tuple(
        Kind(
            names=row.names(),
            area=(module.__doc__ or "").partition("\n")[0],
            lane=row.LANE,
            told=row.words is not Row.words,
            doc=(row.__doc__ or "").partition("\n\n")[0].replace("\n    ", " "),
            fields=tuple(_fields(row)),
        )
        for module in KINDS_ARE_IN
        for row in vars(module).values()
        if isinstance(row, type) and issubclass(row, Row) and row.is_declared_in(module.__name__)
    )


def _fields(row: type[Row]) -> Iterator[Field]:
    bases = [base for base in reversed(row.__mro__) if issubclass(base, Row) and base is not Row]
    hints = {name: hint for base in bases for name, hint in get_annotations(base, eval_str=True).items()}
    for name, hint in hints.items():
        plain, about = _taken_apart(hint)
        unit = next((one.name for one in about if isinstance(one, Unit)), "")
        doc = next((one for one in about if isinstance(one, str)), "")
        yield Field(name, _json_type(plain), unit, hasattr(row, name), doc)


def _taken_apart(hint: Any) -> tuple[Any, list[Any]]:
    """A type without None and without what is said of it, and that; what is said last of a type comes first."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
    if get_origin(hint) is not Annotated:
        return hint, []
    plain, *about = get_args(hint)
    return plain, about[::-1]


def _json_type(plain: Any) -> str:
    if get_origin(plain) is list:
        return f"array of {_json_type(_taken_apart(get_args(plain)[0])[0])}"
    return JSON_TYPES.get(plain, "object")
