"""The trials of a run: the fault of each, the side that hangs up, and the workers that answer."""

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


class Role(StrEnum):
    """Whose worker a trial tests."""

    SUBJECT = "subject"
    CONTROL = "control"


@dataclass(frozen=True)
class PlannedTrial:
    """A planned trial. Warm-up trials have an index of 0 or below."""

    index: int
    role: Role
    case: Case = field(default_factory=dict)
    """The parameters that the scenario varies, with this trial's values."""

    @property
    def warmup(self) -> bool:
        """Whether it is left out of the statistics."""
        return self.index <= 0


def plan_trials(
    scenario: DispatchScenario, cases: Sequence[Case] = ({},), shard: Shard | None = None
) -> Iterator[PlannedTrial]:
    """`count` trials of the subject, which take the cases in turn, and as many of the control as its share needs.

    With a duration the plan is endless: the load shape decides how many trials begin. With a `shard`, only the trials
    of that shard, under the numbers that they have in the whole run; each shard has its own warm-up.
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
    """Subject and control trials are shared out separately, so that every shard gets both."""
    counted: Counter[Role] = Counter()
    for trial in planned:
        if not trial.warmup:
            counted[trial.role] += 1
            if not shard.has(counted[trial.role]):
                continue
        yield trial


@dataclass(frozen=True)
class PlannedCall:
    """A planned call: one cell of the grid."""

    index: int
    cleanup: Cleanup
    agent_exit: AgentExit | None
    """None: the subject itself decides whether it leaves."""
    hangup: Side

    role = None
    warmup = False


def plan_calls(scenario: TeardownScenario) -> tuple[PlannedCall, ...]:
    """Every cleanup × exit × side, `count` times. Crashes come first: their calls take the longest to set up."""
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
class TrialWorkers:
    """The workers of a trial. `agent_name` is the name that is dispatched; `on_probe`: the probe answers to it.

    All trials of a run share the probe, which records what reached it. A behaviour that affects a whole worker (its
    load, its socket, its name) can't run on the probe: it gets a simulated worker with its own name, and the trial is
    judged from outside, as with a user's worker.
    """

    agent_name: str
    on_probe: bool
    drawn: BehaviourSpec = HONEST
    """How the dispatched worker behaves."""
    simulated: Mapping[str, WorkerSpec] = field(default_factory=dict)
    """The simulated workers of this trial alone, by name."""


def uses_simulated_worker(script: DispatchScript) -> bool:
    """Whether the scenario needs a simulated main worker: the probe can't answer for it."""
    main = script.workers.get(MAIN)
    if main is None:
        return False
    plain = main.register == "at-start" and main.agent_name == "dispatched" and not _is_directed(script)
    return not plain or BEHAVIOURS[main.spec.name].own_worker


def _is_directed(script: DispatchScript) -> bool:
    """Whether a step stops or changes the main worker. The probe can't do that: all trials share it."""
    steps = (step for steps in script.steps_by_case for step in steps)
    return any(isinstance(step, StopWorker | ChangeWorker) and step.worker == MAIN for step in steps)


def workers_of_trial(script: DispatchScript, planned: PlannedTrial, run_id: str, probe: Probe | None) -> TrialWorkers:
    """Choose a trial's workers from the scenario, its settings and the fault drawn for the trial."""
    scenario = script.settings
    probe_name = "" if probe is None else probe.agent_name
    if planned.role is Role.CONTROL:
        return TrialWorkers(probe_name, on_probe=True)
    if scenario.agent_name is not None:
        return TrialWorkers(scenario.agent_name, on_probe=False)
    main = script.workers.get(MAIN)
    drawn = HONEST if main is None else main.spec
    if scenario.faults:
        drawn = draw(scenario.faults, scenario.seed, planned.index)
    if planned.warmup:
        drawn = HONEST
    extra = {name: spec for name, spec in script.workers.items() if name != MAIN}
    if uses_simulated_worker(script) or BEHAVIOURS[drawn.name].own_worker:
        name = "" if scenario.method is Method.AUTOMATIC else f"lkdiag-{run_id}-{planned.index:03d}"
        simulated = WorkerSpec() if main is None else main
        if scenario.faults or main is None:
            simulated = msgspec.structs.replace(simulated, behaviour=str(drawn))
        return TrialWorkers(name, False, drawn, {MAIN: simulated, **extra})
    return TrialWorkers(probe_name, True, drawn, extra)
