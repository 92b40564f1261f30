"""What the selftest finds: which faults were injected, what each trial's verdict was, and how they fit."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lkdiag.contract import Severity
from lkdiag.journal.participant_kinds import WebhookReceived
from lkdiag.journal.run_kinds import FaultDrawn
from lkdiag.journal.worker_kinds import StagedAccepted, StagedPlays
from lkdiag.report.expectation import difference, seen_of
from lkdiag.report.value import TrialReport
from lkdiag.scenario.steps import MAIN
from lkdiag.stats import Quantiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lkdiag.journal.event import Event
    from lkdiag.report.expectation import Seen
    from lkdiag.report.teardown_value import TeardownReport, TeardownTrial
    from lkdiag.report.value import DispatchReport
    from lkdiag.scenario.script import DispatchScript, TeardownScript


# lkdiag measures itself: failures that it makes on purpose, against what it says of them.


# Which failure each trial of a selftest plays: drawn anew for each, in random order, the same for the same seed.

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


# Injected against diagnosed: what lkdiag said of each trial, beside what it had broken in it.

SCHEMA = "lkdiag.selftest/1"
INCONCLUSIVE, NOTHING_KNOWN = "inconclusive", "none of these"


@dataclass(frozen=True)
class Part:
    """One run of a selftest: many failures in random order, or one that has to be played alone."""

    report: DispatchReport | TeardownReport
    events: Sequence[Event]
    alone: str | None = None
    """The scenario that was played alone."""


@dataclass(frozen=True)
class Wrong:
    """A trial off the diagonal."""

    run: str
    trial: int
    injected: str
    diagnosed: str
    told: str
    """How it differs from what was injected."""


@dataclass(frozen=True)
class Confusion:
    """A selftest's result. Its field names are the contract of its JSON."""

    runs: tuple[str, ...]
    """The ids of the runs that were judged."""
    seed: int
    trials: int
    right: int
    failures: tuple[str, ...]
    """What could be injected; the rows and columns."""
    matrix: dict[str, dict[str, int]]
    """By what was injected, by what was diagnosed; cells without a trial are left out."""
    ambiguous: dict[str, int]
    """Right, but named beside other causes that fit as well: from outside they look alike."""
    honest: int
    """Trials in which nothing was broken."""
    false_alarms: int
    latency_error_ms: Quantiles
    """The reported latency against that of the server's own webhooks."""
    wrong: tuple[Wrong, ...]
    schema: str = field(default=SCHEMA)


def confusion_of(parts: Sequence[Part], truths: Mapping[str, Mapping[str, Any]], seed: int) -> Confusion:
    """Compare. `truths` are the expectations of what was injected, by its name."""
    matrix: dict[str, Counter[str]] = {name: Counter() for name in truths}
    ambiguous: Counter[str] = Counter()
    wrong: list[Wrong] = []
    honest: list[bool] = []
    for part in parts:
        injected = _injected(part, truths)
        for trial in _whole(part):
            name = injected[trial.index]
            seen = seen_of(trial)
            told = difference(truths[name], seen)
            if part.alone is not None and truths[name].get("of") == "some" and _is_met(part):
                told = ""
            diagnosed = name if not told else _nearest(seen, truths)
            matrix[name][diagnosed] += 1
            if told:
                wrong.append(Wrong(part.report.run.id, trial.index, name, diagnosed, told))
            elif len(seen.words.get("cause", ())) > 1:
                ambiguous[name] += 1
            if name == HONEST:
                honest.append(any(finding.severity is Severity.FAIL for finding in trial.findings))
    trials = sum(len(_whole(part)) for part in parts)
    return Confusion(
        runs=tuple(part.report.run.id for part in parts),
        seed=seed,
        trials=trials,
        right=trials - len(wrong),
        failures=tuple(truths),
        matrix={name: dict(cells) for name, cells in matrix.items()},
        ambiguous=dict(ambiguous),
        honest=len(honest),
        false_alarms=sum(honest),
        latency_error_ms=Quantiles.of([error for part in parts for error in _latency_errors_ms(part)]),
        wrong=tuple(wrong),
    )


def _whole(part: Part) -> list[TrialReport | TeardownTrial]:
    """Its trials; of a run that was cut short, without those that were cut short with it."""
    cut = part.report.run.interrupted
    return [trial for trial in part.report.trials if not (cut and trial.outcome == INCONCLUSIVE)]


def _is_met(part: Part) -> bool:
    """Of its trials, one is enough."""
    return part.report.expectation is not None and part.report.expectation.met


def _injected(part: Part, truths: Mapping[str, Mapping[str, Any]]) -> dict[int, str]:
    """What was broken in each trial. Where it is left to chance which worker is asked, it may have been nothing."""
    if part.alone is not None:
        return {trial.index: part.alone for trial in part.report.trials}
    told = [(event, event.row) for event in part.events]
    drawn = {e.trial: str(row.scenario) for e, row in told if isinstance(row, FaultDrawn) and e.trial is not None}
    others = {row.worker_id for _, row in told if isinstance(row, StagedPlays) and row.name != MAIN}
    struck = {e.trial for e, row in told if isinstance(row, StagedAccepted) and row.worker_id in others}
    return {
        trial: HONEST if truths[name].get("of") == "some" and trial not in struck else name
        for trial, name in drawn.items()
        if trial > 0  # warm-ups are honest, and in no figure
    }


def _nearest(seen: Seen, truths: Mapping[str, Mapping[str, Any]]) -> str:
    """As which of the failures a trial was taken that is not right."""
    if INCONCLUSIVE in seen.words["outcome"]:
        return INCONCLUSIVE
    return next((name for name, expect in truths.items() if not difference(expect, seen)), NOTHING_KNOWN)


def _latency_errors_ms(part: Part) -> list[float]:
    by_server = {
        (event.trial, row.identity): row.joined_at_ms - row.room_created_ms
        for event in part.events
        if isinstance(row := event.row, WebhookReceived)
        and row.event == "participant_joined"
        and row.joined_at_ms is not None
        and row.room_created_ms is not None
    }
    return [
        abs(trial.latency_ms - by_server[trial.index, trial.agent_identity])
        for trial in part.report.trials
        if isinstance(trial, TrialReport)
        and trial.latency_ms is not None
        and (trial.index, trial.agent_identity) in by_server
    ]
