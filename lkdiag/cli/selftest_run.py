"""Runs a selftest: one run of many failures in random order, then those that need a run of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag.cli.messages import say
from lkdiag.cli.recording import command_line
from lkdiag.cli.scenario_run import webhook_address
from lkdiag.cli.session import Session
from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.errors import UsageError
from lkdiag.journal.file import read_journal
from lkdiag.report.build import build_report
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.run.plan import plan_calls, plan_trials
from lkdiag.scenario.file import builtin_names
from lkdiag.scenario.script import DispatchScript, load_script, with_settings
from lkdiag.selftest import HONEST, HONEST_SCENARIO, ScenarioMix, SelftestRun, confusion_of, name_of, prepare
from lkdiag.text import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.scenario.script import TeardownScript
    from lkdiag.selftest import Confusion

    AnyScript = DispatchScript | TeardownScript

COMMON: dict[str, Any] = {"timeout_s": 5.0, "delayed_after_s": 2.0, "fallback_timeout_s": 8.0, "webhooks": "ok"}
"""Settings of every trial of the mixed run, so that all of them can be part of it."""
APART = (
    "cold-start", "name-turns-automatic-off", "participant-job-without-participant", "publisher-job-without-track",
    "room-name-reuse", "webhooks-missing", "webhooks-late", "webhooks-doubled", "survivor-alone", "lone-caller",
)  # fmt: skip
"""Scenarios that can't be part of a run of others: what they break is the run's own (its receiver of webhooks, its
pace, the job type of its worker) or the whole project's (workers without a name), or it is a call."""
APART_FROM = 100
"""With at least this many trials those are run as well."""


ONLY_HINT = "--only takes honest, or a scenario that expects something of an agent: see `lkdiag scenarios`"


@dataclass(frozen=True)
class SelftestResult:
    """How a selftest ended."""

    confusion: Confusion
    planned: int
    """Trials that were to be run. One that is missing from the confusion matrix was not diagnosed correctly."""
    interrupted: bool


@dataclass(frozen=True)
class Selftest:
    """One selftest. Raises UsageError for a scenario that there is not."""

    trials: int
    seed: int
    concurrency: int
    only: tuple[str, ...]
    server_binary: Path | None
    runs_dir: Path
    quiet: bool
    seed_is_drawn: bool

    def run(self) -> SelftestResult:
        """Run everything."""
        alone = [_load(name) for name in self._wanted() if name in APART]
        mixed = [script for name in self._wanted() if name not in APART and _is_part(script := _load(name))]
        if not alone and not mixed:
            raise UsageError(
                f"--only {', '.join(self.only)}: there is nothing in it that a selftest could be measured at",
                ONLY_HINT,
            )
        counts = [_count(script) for script in alone]
        left = self.trials - sum(counts)
        if alone and not mixed:
            left = 0
        elif left < 1:
            raise UsageError(f"--trials {self.trials} is too few for these", f"at least {sum(counts) + 1}")
        parts = [self._run_mixed(mixed, left)] if left else []
        parts += [self._run_alone(script) for script in alone if not _interrupted(parts)]
        truths = {name_of(script): _truth(script) for script in (*mixed, *alone)}
        ordered = dict(sorted(truths.items(), key=lambda item: (item[0] != HONEST, item[0])))
        return SelftestResult(confusion_of(parts, ordered, self.seed), left + sum(counts), _interrupted(parts))

    def _wanted(self) -> tuple[str, ...]:
        if self.only:
            return tuple(HONEST_SCENARIO if name == HONEST else name for name in self.only)
        return tuple(name for name in builtin_names() if name not in APART or self.trials >= APART_FROM)

    def _run_mixed(self, scripts: list[AnyScript], count: int) -> SelftestRun:
        honest = _load(HONEST_SCENARIO)
        assert isinstance(honest, DispatchScript), "it is about an agent that is called"
        changed = {"count": count, "concurrency": self.concurrency, "warmup": 1, "seed": self.seed, **COMMON}
        common = replace(with_settings(honest, **changed), name="selftest")
        prepared = prepare([script for script in scripts if isinstance(script, DispatchScript)], common)
        return self._run(common, ScenarioMix(prepared, self.seed, prepare([honest], common)[HONEST]))

    def _run_alone(self, script: AnyScript) -> SelftestRun:
        self._say(f"{script.name}: {script.title}")
        return replace(self._run(script, None), alone=script.name)

    def _run(self, script: AnyScript, mix: ScenarioMix | None) -> SelftestRun:
        session = Session(
            script=script,
            credentials=None,
            server_binary=self.server_binary,
            runs_dir=self.runs_dir,
            command=command_line(["--seed", str(self.seed)] if self.seed_is_drawn else []),
            quiet=self.quiet,
            webhook_address=webhook_address(script, local=True),
            mix=None if mix is None else mix.script_of,
        )
        journal = read_journal(session.run())
        report = build_report(journal.events, journal.notes)
        assert isinstance(report, DispatchReport | TeardownReport), "there are no other kinds"
        return SelftestRun(report, tuple(journal.events))

    def _say(self, text: str) -> None:
        if not self.quiet:
            say(text)


def _load(name: str) -> AnyScript:
    if name not in builtin_names():
        raise UsageError(
            f'--only {name}: there is no scenario "{name}"{did_you_mean(name, builtin_names())}', ONLY_HINT
        )
    script = load_script(name, tuple(BEHAVIOURS), make_behaviour)
    if name in APART and isinstance(script, DispatchScript):
        # one trial of each case
        return with_settings(script, count=len(script.cases), warmup=0 if script.workers else script.settings.warmup)
    return script


def _count(script: AnyScript) -> int:
    """Its trials that count."""
    if isinstance(script, DispatchScript):
        return sum(not trial.warmup for trial in plan_trials(script.settings, script.cases))
    return len(plan_calls(script.settings))


def _is_part(script: AnyScript) -> bool:
    """Whether its trials show that it was injected."""
    return isinstance(script, DispatchScript) and bool(_truth(script))


def _truth(script: AnyScript) -> dict[str, Any]:
    """What its trials are expected to show."""
    if script.name == HONEST_SCENARIO:
        return {"outcome": "delivered", "mismatch": "none", "cause": "none"}
    expect: dict[str, Any] = msgspec.to_builtins(script.expect)
    return expect if any(value for key, value in expect.items() if key != "of") else {}


def _interrupted(parts: list[SelftestRun]) -> bool:
    return any(part.report.run.interrupted for part in parts)
