"""The workers that a scenario plays: how each behaves, under which name, and since when it is there."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from lkdiag.scenario.fault import BehaviourSpec
from lkdiag.scenario.table import Table

MAIN = "main"
"""The worker that is called for."""


class WorkerSpec(Table, frozen=True):
    """A worker that lkdiag plays as somebody else's."""

    behaviour: Annotated[str, Meta(description="How it treats its jobs: honest, ghost, slow:4s, …")] = "honest"
    agent_name: Annotated[
        Literal["dispatched", "other", "none"],
        Meta(description="Registered under the name that is dispatched, under another one, or without a name."),
    ] = "dispatched"
    register: Annotated[
        Literal["at-start", "by-step", "never"],
        Meta(description="There from the start, or once a register-worker step says so, or not at all."),
    ] = "at-start"

    @property
    def spec(self) -> BehaviourSpec:
        """The behaviour, taken apart."""
        return parse_behaviour(self.behaviour)


def parse_behaviour(text: str) -> BehaviourSpec:
    """`slow:4s` as a name and its arguments. Whether there is such a behaviour is not asked."""
    name, *arguments = (piece.strip() for piece in text.split(":"))
    return BehaviourSpec(name, tuple(arguments))
