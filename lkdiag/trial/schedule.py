"""Which trials a run has, in which order: warm-up first, then the subject's with the control's between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.scenario.dispatch import DispatchScenario


class Role(StrEnum):
    """Whose worker a trial is about."""

    SUBJECT = "subject"
    CONTROL = "control"


@dataclass(frozen=True)
class PlannedTrial:
    """One trial to come. Warm-up trials have an index of 0 or below."""

    index: int
    role: Role

    @property
    def warmup(self) -> bool:
        """Whether it is kept out of the figures."""
        return self.index <= 0


def plan_trials(scenario: DispatchScenario) -> tuple[PlannedTrial, ...]:
    """`count` trials of the subject; with a control as many more as make up its share, evenly spread."""
    planned = [PlannedTrial(index, Role.SUBJECT) for index in range(1 - scenario.warmup, 1)]
    share = scenario.control_share if scenario.control else 0.0
    controls = 0
    for subjects in range(1, scenario.count + 1):
        planned.append(PlannedTrial(subjects + controls, Role.SUBJECT))
        while controls < round(subjects * share / (1 - share)):
            controls += 1
            planned.append(PlannedTrial(subjects + controls, Role.CONTROL))
    if scenario.control and controls == 0:
        planned.append(PlannedTrial(scenario.count + 1, Role.CONTROL))
    return tuple(planned)
