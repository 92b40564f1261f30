"""How the probe treats a job: the family of behaviours, in one visible table. One file a behaviour.

To add one: write a class with the two methods of `Behaviour` in a file of its name, and a line in BEHAVIOURS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.worker.behaviour.ghost import Ghost
from lkdiag.worker.behaviour.honest import Honest
from lkdiag.worker.behaviour.reject import Reject
from lkdiag.worker.behaviour.silent import Silent
from lkdiag.worker.behaviour.slow import Slow

if TYPE_CHECKING:
    from lkdiag.scenario.fault import BehaviourSpec
    from lkdiag.worker.behaviour.base import Behaviour

BEHAVIOURS: dict[str, type[Behaviour]] = {
    "honest": Honest,
    "silent": Silent,
    "ghost": Ghost,
    "slow": Slow,
    "reject": Reject,
}

FAULTS = tuple(name for name in BEHAVIOURS if name != "honest")
"""The behaviours that can be injected."""


def make_behaviour(spec: BehaviourSpec) -> Behaviour:
    """The behaviour that a spec names. Raises UsageError for arguments that it can't take."""
    try:
        return BEHAVIOURS[spec.name](*spec.arguments)
    except TypeError as error:
        takes = "a delay, as in slow:4s" if spec.name == "slow" else "no arguments"
        raise UsageError(f"{str(spec)!r}: the fault {spec.name!r} takes {takes}") from error
