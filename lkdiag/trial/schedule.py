"""Which trials a run has, in which order: warm-up first, then the subject's with the control's between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING

from lkdiag.scenario.teardown import AgentExit, Cleanup, Side, TeardownScenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.scenario.script import Case
    from lkdiag.scenario.shard import Shard


class Role(StrEnum):
    """Whose worker a trial is about."""

    SUBJECT = "subject"
    CONTROL = "control"


@dataclass(frozen=True)
class PlannedTrial:
    """One trial to come. Warm-up trials have an index of 0 or below."""

    index: int
    role: Role
    case: Case = field(default_factory=dict)
    """What this trial's scenario varies, by name."""

    @property
    def warmup(self) -> bool:
        """Whether it is kept out of the figures."""
        return self.index <= 0


def plan_trials(
    scenario: DispatchScenario, cases: Sequence[Case] = ({},), shard: Shard | None = None
) -> Iterator[PlannedTrial]:
    """`count` trials of the subject, in turn of each case; with a control as many more as make up its share.

    With a duration they do not end: how many are begun is the pace's matter. Of a `shard` only its own, under the
    numbers that they have in the run as a whole; each shard warms up for itself.
    """
    planned = _plan(scenario, cases)
    return planned if shard is None else _share(planned, shard)


def _plan(scenario: DispatchScenario, cases: Sequence[Case]) -> Iterator[PlannedTrial]:
    for index in range(1 - scenario.warmup, 1):
        yield PlannedTrial(index, Role.SUBJECT, cases[0])
    share = scenario.control_share if scenario.control else 0.0
    controls = 0
    for subjects in count(1) if scenario.duration_s is not None else range(1, scenario.count + 1):
        yield PlannedTrial(subjects + controls, Role.SUBJECT, cases[(subjects - 1) % len(cases)])
        while controls < round(subjects * share / (1 - share)):
            controls += 1
            yield PlannedTrial(subjects + controls, Role.CONTROL, cases[0])
    if scenario.control and controls == 0:
        yield PlannedTrial(scenario.count + 1, Role.CONTROL, cases[0])


def _share(planned: Iterator[PlannedTrial], shard: Shard) -> Iterator[PlannedTrial]:
    """Subject and control are dealt out apart, so that every shard gets of both."""
    dealt: Counter[Role] = Counter()
    for trial in planned:
        if not trial.warmup:
            dealt[trial.role] += 1
            if not shard.has(dealt[trial.role]):
                continue
        yield trial


@dataclass(frozen=True)
class PlannedCall:
    """One call to come: a cell of the grid."""

    index: int
    cleanup: Cleanup
    agent_exit: AgentExit | None
    """None: the subject goes, or stays, as it likes."""
    hangup: Side

    role = None
    warmup = False


def plan_calls(scenario: TeardownScenario) -> tuple[PlannedCall, ...]:
    """Every cleanup × exit × side, `count` times. Crashes first: theirs is the longest way into the call."""
    exits: tuple[AgentExit | None, ...] = scenario.agent_exits
    if Cleanup.SUBJECT in scenario.cleanups:
        exits = (None,)
    ordered = sorted(exits, key=lambda agent_exit: agent_exit is not AgentExit.CRASHED)
    cells = [
        (cleanup, agent_exit, hangup)
        for _ in range(scenario.count)
        for agent_exit in ordered
        for cleanup in scenario.cleanups
        for hangup in scenario.hangups
    ]
    return tuple(PlannedCall(index, *cell) for index, cell in enumerate(cells, start=1))
