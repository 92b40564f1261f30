"""How a worker treats its jobs: the family of behaviours, in one visible table. One file a behaviour.

To add one: write a class in a file of its name that says what it does otherwise than `Honest`, and a line in
BEHAVIOURS. The first line of its docstring is what `lkdiag worker --help` says of it.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.worker.behaviour.crash_after_accept import CrashAfterAccept
from lkdiag.worker.behaviour.ghost import Ghost
from lkdiag.worker.behaviour.half_open import HalfOpen
from lkdiag.worker.behaviour.hidden import Hidden
from lkdiag.worker.behaviour.honest import Honest
from lkdiag.worker.behaviour.join_then_leave import JoinThenLeave
from lkdiag.worker.behaviour.overloaded import Overloaded
from lkdiag.worker.behaviour.reconnecting import Reconnecting
from lkdiag.worker.behaviour.reject import Reject
from lkdiag.worker.behaviour.reject_then_accept import RejectThenAccept
from lkdiag.worker.behaviour.silent import Silent
from lkdiag.worker.behaviour.slow import Slow
from lkdiag.worker.behaviour.stale import Stale

if TYPE_CHECKING:
    from lkdiag.scenario.fault import BehaviourSpec
    from lkdiag.worker.behaviour.base import Behaviour

BEHAVIOURS: dict[str, type[Behaviour]] = {
    "honest": Honest,
    "silent": Silent,
    "ghost": Ghost,
    "slow": Slow,
    "reject": Reject,
    "reject-then-accept": RejectThenAccept,
    "crash-after-accept": CrashAfterAccept,
    "join-then-leave": JoinThenLeave,
    "stale": Stale,
    "overloaded": Overloaded,
    "reconnecting": Reconnecting,
    "half-open": HalfOpen,
    "hidden": Hidden,
}

FAULTS = tuple(name for name in BEHAVIOURS if name != "honest")
"""The behaviours that can be injected."""


def make_behaviour(spec: BehaviourSpec) -> Behaviour:
    """The behaviour that a spec names. Raises UsageError for an unknown name, or arguments that it can't take."""
    kind = BEHAVIOURS.get(spec.name)
    if kind is None:
        near = difflib.get_close_matches(spec.name, BEHAVIOURS, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no behaviour named {spec.name!r}", f"{meant}known: {', '.join(BEHAVIOURS)}")
    try:
        _signature(kind).bind(*spec.arguments)
    except TypeError:
        takes = f"is written {spec.name}{kind.arguments}" if kind.arguments else "takes no arguments"
        raise UsageError(f"{str(spec)!r}: {spec.name!r} {takes}") from None
    return kind(*spec.arguments)


@functools.cache
def _signature(kind: type[Behaviour]) -> inspect.Signature:
    """Every trial asks."""
    return inspect.signature(kind)


def describe(name: str) -> str:
    """A behaviour in one line."""
    return (inspect.getdoc(BEHAVIOURS[name]) or "").partition("\n")[0]
