"""What a worker of lkdiag's does wrong on purpose, and in which share of the trials."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.scenario.option import parse_number
from lkdiag.text import hint_nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class BehaviourSpec:
    """A behaviour of the probe by its name, and what stands after the colons: `slow:4s` is ("slow", ("4s",))."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ":".join((self.name, *self.arguments))


HONEST = BehaviourSpec("honest")


@dataclass(frozen=True)
class Fault:
    """A behaviour, and the share of trials that it strikes (0 to 1)."""

    behaviour: BehaviourSpec
    share: float

    def __str__(self) -> str:
        return f"{self.behaviour}={self.share:g}"


def parse_faults(text: str, known: Sequence[str], check: Callable[[BehaviourSpec], object]) -> tuple[Fault, ...]:
    """`ghost=0.2,slow:4s=0.1` as faults; a name without a share strikes every trial.

    `known` are the behaviours' names; `check` raises UsageError for arguments that a behaviour can't take.
    Raises UsageError for an unknown name (with the nearest one), a bad share, or shares above 1 in all.
    """
    faults: list[Fault] = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        spec, equals, share_text = part.partition("=")
        name, *arguments = (piece.strip() for piece in spec.split(":"))
        if name not in known:
            raise UsageError(
                f"there is no fault named {name!r}", hint_nearest(name, known, f"known: {', '.join(known)}")
            )
        try:
            share = parse_number(share_text.strip()) if equals else 1.0
        except ValueError:
            share = -1.0
        if share_text.strip().startswith("-") or not 0 <= share <= 1:
            raise UsageError(
                f"{share_text!r} is not a share of trials for the fault {name!r}",
                "a share is a number from 0 to 1, as in --fault ghost=0.2",
            )
        behaviour = BehaviourSpec(name, tuple(arguments))
        try:
            check(behaviour)
        except UsageError as error:
            raise UsageError(
                f"--fault {behaviour}: {error.message}", error.hint or "as in ghost=0.2, slow:4s=0.1, slow:4s:answer"
            ) from None
        faults.append(Fault(behaviour, share))
    if not faults:
        raise UsageError(f"{text!r} names no fault", f"as in --fault ghost=0.2; known: {', '.join(known)}")
    total = sum(fault.share for fault in faults)
    if total > 1 + 1e-9:
        raise UsageError(f"the faults' shares add up to {total:g}", "a trial has one fault at most: keep the sum at 1")
    return tuple(faults)


def draw(faults: Sequence[Fault], seed: int, trial: int) -> BehaviourSpec:
    """The behaviour that trial gets. It rests on the seed and the trial alone, not on the order of the draws."""
    digest = hashlib.sha256(f"lkdiag fault {seed} {trial}".encode()).digest()
    point = int.from_bytes(digest[:8]) / 2**64
    for fault in faults:
        if point < fault.share:
            return fault.behaviour
        point -= fault.share
    return HONEST


def parse_behaviour(text: str) -> BehaviourSpec:
    """`slow:4s` as a name and its arguments. Whether there is such a behaviour is not asked."""
    name, *arguments = (piece.strip() for piece in text.split(":"))
    return BehaviourSpec(name, tuple(arguments))
