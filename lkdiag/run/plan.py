"""Which trials a run has: each with its method, its fault, its side that hangs up, and the worker that answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING

import msgspec

from lkdiag.client.behaviours import BEHAVIOURS
from lkdiag.scenario.call import AgentExit, Cleanup, Side, TeardownScenario
from lkdiag.scenario.dispatch import Method
from lkdiag.scenario.fault import HONEST, BehaviourSpec, draw
from lkdiag.scenario.steps import MAIN, ChangeWorker, StopWorker, WorkerSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lkdiag.client.workers import Probe
    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.scenario.schema import Case
    from lkdiag.scenario.script import DispatchScript
    from lkdiag.scenario.shard import Shard


# Which trials a run has, in which order: warm-up first, then the subject's with the control's between them.


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


@dataclass(frozen=True)
class Cast:
    """A trial's workers. `agent_name` is what is dispatched.

    The probe is shared by the run's trials, and knows what reached it. A behaviour that strikes a worker as a whole
    (its load, its socket, its name) can't be the probe's: it gets a worker of its own, under a name of its own, and the
    trial is judged from outside, as with a worker of the user's.
    """

    agent_name: str
    on_probe: bool
    drawn: BehaviourSpec = HONEST
    """How the one that is called for behaves."""
    workers: Mapping[str, WorkerSpec] = field(default_factory=dict)
    """Those that are played for this trial alone."""


def main_is_played(script: DispatchScript) -> bool:
    """Whether the scenario has another worker than the probe answer, or none."""
    main = script.workers.get(MAIN)
    if main is None:
        return False
    plain = main.register == "at-start" and main.agent_name == "dispatched" and not _is_directed(script)
    return not plain or BEHAVIOURS[main.spec.name].own_worker


def _is_directed(script: DispatchScript) -> bool:
    """Whether a step sends the worker away, or changes it: the probe is there for all trials."""
    steps = (step for steps in script.steps_by_case for step in steps)
    return any(isinstance(step, StopWorker | ChangeWorker) and step.worker == MAIN for step in steps)


def cast_trial(script: DispatchScript, planned: PlannedTrial, run_id: str, probe: Probe | None) -> Cast:
    """Who plays, from the scenario, its settings and the trial's own draw."""
    scenario = script.settings
    probe_name = "" if probe is None else probe.agent_name
    if planned.role is Role.CONTROL:
        return Cast(probe_name, on_probe=True)
    if scenario.agent_name is not None:
        return Cast(scenario.agent_name, on_probe=False)
    main = script.workers.get(MAIN)
    drawn = HONEST if main is None else main.spec
    if scenario.faults:
        drawn = draw(scenario.faults, scenario.seed, planned.index)
    if planned.warmup:
        drawn = HONEST
    others = {name: spec for name, spec in script.workers.items() if name != MAIN}
    if main_is_played(script) or BEHAVIOURS[drawn.name].own_worker:
        name = "" if scenario.method is Method.AUTOMATIC else f"lkdiag-{run_id}-{planned.index:03d}"
        played = WorkerSpec() if main is None else main
        if scenario.faults or main is None:
            played = msgspec.structs.replace(played, behaviour=str(drawn))
        return Cast(name, False, drawn, {MAIN: played, **others})
    return Cast(probe_name, True, drawn, others)
