"""The self-test: lkdiag injects failures and compares them with its own verdicts."""

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


HONEST = "honest"
"""The name of a trial without a failure."""
HONEST_SCENARIO = "dispatch-trial"
HONEST_SHARE = 0.25
"""The share of trials without a failure. Only they can show false alarms."""


def name_of(script: DispatchScript | TeardownScript) -> str:
    """The name of a script's trials in a self-test."""
    return HONEST if script.name == HONEST_SCENARIO else script.name


@dataclass(frozen=True)
class ScenarioMix:
    """The scenarios of a run in random order. Warm-ups are honest; if `honest` is a scenario, some trials are too."""

    scripts: Mapping[str, DispatchScript]
    seed: int
    warm_up: DispatchScript

    def script_of(self, trial: int, *, warmup: bool) -> DispatchScript:
        """The scenario of a trial, which depends only on the seed and the trial's number."""
        if warmup:
            return self.warm_up
        failures = [name for name in self.scripts if name != HONEST]
        digest = hashlib.sha256(f"lkdiag selftest {self.seed} {trial}".encode()).digest()
        point, which = int.from_bytes(digest[:8]) / 2**64, int.from_bytes(digest[8:16])
        honest = not failures or (HONEST in self.scripts and point < HONEST_SHARE)
        return self.scripts[HONEST if honest else failures[which % len(failures)]]


def prepare(scripts: Sequence[DispatchScript], common: DispatchScript) -> dict[str, DispatchScript]:
    """The scenarios by name, with the timeouts of the run that they all belong to."""
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


SCHEMA = "lkdiag.selftest/1"
INCONCLUSIVE, NOTHING_KNOWN = "inconclusive", "none of these"


@dataclass(frozen=True)
class SelftestRun:
    """One run of a self-test: many failures in random order, or one that needs a run of its own."""

    report: DispatchReport | TeardownReport
    events: Sequence[Event]
    alone: str | None = None
    """The scenario that had a run of its own."""


@dataclass(frozen=True)
class Wrong:
    """A trial with a wrong diagnosis (off the diagonal of the matrix)."""

    run: str
    trial: int
    injected: str
    diagnosed: str
    told: str
    """How the diagnosis differs from what was injected."""


@dataclass(frozen=True)
class Confusion:
    """The result of a self-test. Its field names are the contract of its JSON."""

    runs: tuple[str, ...]
    """The ids of the judged runs."""
    seed: int
    trials: int
    right: int
    failures: tuple[str, ...]
    """The names of all failures: the rows and columns."""
    matrix: dict[str, dict[str, int]]
    """Number of trials by injected and by diagnosed failure; cells without a trial are left out."""
    ambiguous: dict[str, int]
    """Right diagnoses that name other fitting causes too, because they look the same from outside."""
    honest: int
    """Number of trials without a failure."""
    false_alarms: int
    latency_error_ms: Quantiles
    """The reported latency compared with the one of the server's webhooks."""
    wrong: tuple[Wrong, ...]
    schema: str = field(default=SCHEMA)


def confusion_of(runs: Sequence[SelftestRun], truths: Mapping[str, Mapping[str, Any]], seed: int) -> Confusion:
    """Compare the diagnoses with what was injected. `truths` are the expectations, by the failure's name."""
    matrix: dict[str, Counter[str]] = {name: Counter() for name in truths}
    ambiguous: Counter[str] = Counter()
    wrong: list[Wrong] = []
    honest: list[bool] = []
    for run in runs:
        injected = _injected(run, truths)
        for trial in _whole(run):
            name = injected[trial.index]
            seen = seen_of(trial)
            told = difference(truths[name], seen)
            if run.alone is not None and truths[name].get("of") == "some" and _is_met(run):
                told = ""
            diagnosed = name if not told else _nearest(seen, truths)
            matrix[name][diagnosed] += 1
            if told:
                wrong.append(Wrong(run.report.run.id, trial.index, name, diagnosed, told))
            elif len(seen.words.get("cause", ())) > 1:
                ambiguous[name] += 1
            if name == HONEST:
                honest.append(any(finding.severity is Severity.FAIL for finding in trial.findings))
    trials = sum(len(_whole(run)) for run in runs)
    return Confusion(
        runs=tuple(run.report.run.id for run in runs),
        seed=seed,
        trials=trials,
        right=trials - len(wrong),
        failures=tuple(truths),
        matrix={name: dict(cells) for name, cells in matrix.items()},
        ambiguous=dict(ambiguous),
        honest=len(honest),
        false_alarms=sum(honest),
        latency_error_ms=Quantiles.of([error for run in runs for error in _latency_errors_ms(run)]),
        wrong=tuple(wrong),
    )


def _whole(run: SelftestRun) -> list[TrialReport | TeardownTrial]:
    """Its trials; of an interrupted run, without those that were interrupted with it."""
    cut = run.report.run.interrupted
    return [trial for trial in run.report.trials if not (cut and trial.outcome == INCONCLUSIVE)]


def _is_met(run: SelftestRun) -> bool:
    """Whether its expectation is met; one trial is enough for that."""
    return run.report.expectation is not None and run.report.expectation.met


def _injected(run: SelftestRun, truths: Mapping[str, Mapping[str, Any]]) -> dict[int, str]:
    """The failure of each trial. If chance decides which worker is asked, it may be none."""
    if run.alone is not None:
        return {trial.index: run.alone for trial in run.report.trials}
    rows = [(event, event.row) for event in run.events]
    drawn = {e.trial: str(row.scenario) for e, row in rows if isinstance(row, FaultDrawn) and e.trial is not None}
    other_workers = {row.worker_id for _, row in rows if isinstance(row, StagedPlays) and row.name != MAIN}
    affected = {e.trial for e, row in rows if isinstance(row, StagedAccepted) and row.worker_id in other_workers}
    return {
        trial: HONEST if truths[name].get("of") == "some" and trial not in affected else name
        for trial, name in drawn.items()
        if trial > 0  # warm-ups are honest, and do not count
    }


def _nearest(seen: Seen, truths: Mapping[str, Mapping[str, Any]]) -> str:
    """The failure that a wrongly diagnosed trial fits."""
    if INCONCLUSIVE in seen.words["outcome"]:
        return INCONCLUSIVE
    return next((name for name, expect in truths.items() if not difference(expect, seen)), NOTHING_KNOWN)


def _latency_errors_ms(run: SelftestRun) -> list[float]:
    by_server = {
        (event.trial, row.identity): row.joined_at_ms - row.room_created_ms
        for event in run.events
        if isinstance(row := event.row, WebhookReceived)
        and row.event == "participant_joined"
        and row.joined_at_ms is not None
        and row.room_created_ms is not None
    }
    return [
        abs(trial.latency_ms - by_server[trial.index, trial.agent_identity])
        for trial in run.report.trials
        if isinstance(trial, TrialReport)
        and trial.latency_ms is not None
        and (trial.index, trial.agent_identity) in by_server
    ]
