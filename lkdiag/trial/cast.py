"""Who answers to the dispatched name in a trial: lkdiag's probe, the user's worker, or one that is played as theirs.

The probe is shared by the run's trials, and knows what reached it. A behaviour that strikes a worker as a whole (its
load, its socket, its name) can't be the probe's: it gets a worker of its own, under a name of its own, and the trial is
judged from outside, as with a worker of the user's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from lkdiag.scenario.dispatch import Method
from lkdiag.scenario.fault import HONEST, BehaviourSpec, draw
from lkdiag.scenario.step import ChangeWorker, StopWorker
from lkdiag.scenario.workers import MAIN, WorkerSpec
from lkdiag.trial.schedule import Role
from lkdiag.worker.behaviour import BEHAVIOURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkdiag.scenario.script import DispatchScript
    from lkdiag.trial.schedule import PlannedTrial
    from lkdiag.worker.probe import Probe


@dataclass(frozen=True)
class Cast:
    """A trial's workers. `agent_name` is what is dispatched."""

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
