"""Which failure each trial of a selftest plays: drawn anew for each, in random order, the same for the same seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lkdiag.scenario.script import DispatchScript, TeardownScript

HONEST = "honest"
"""What a trial is called in which nothing is broken."""
HONEST_SCENARIO = "dispatch-trial"
HONEST_SHARE = 0.25
"""Of the trials, those in which nothing is broken: false alarms need honest trials to be found."""


def name_of(script: DispatchScript | TeardownScript) -> str:
    """What its trials are called in a selftest."""
    return HONEST if script.name == HONEST_SCENARIO else script.name


@dataclass(frozen=True)
class Mix:
    """The scenarios that are played. Warm-ups are honest, and where it is one of the scenarios some of the trials."""

    scripts: Mapping[str, DispatchScript]
    seed: int
    warm_up: DispatchScript

    def script_of(self, trial: int, *, warmup: bool) -> DispatchScript:
        """The scenario of a trial. It rests on the seed and the trial alone."""
        if warmup:
            return self.warm_up
        failures = [name for name in self.scripts if name != HONEST]
        digest = hashlib.sha256(f"lkdiag selftest {self.seed} {trial}".encode()).digest()
        point, which = int.from_bytes(digest[:8]) / 2**64, int.from_bytes(digest[8:16])
        honest = not failures or (HONEST in self.scripts and point < HONEST_SHARE)
        return self.scripts[HONEST if honest else failures[which % len(failures)]]


def prepare(scripts: Sequence[DispatchScript], common: DispatchScript) -> dict[str, DispatchScript]:
    """Each with the timeouts of the run that they all are part of."""
    shared = common.settings
    return {
        name: replace(
            script,
            name=name,
            settings=replace(
                script.settings,
                timeout_s=shared.timeout_s,
                delayed_after_s=shared.delayed_after_s,
                settle_s=shared.settle_s,
                fallback_timeout_s=shared.fallback_timeout_s,
                webhooks=shared.webhooks,
            ),
        )
        for name, script in ((name_of(script), script) for script in scripts)
    }
