"""Injected against diagnosed: what is on the diagonal, what is off it, and what is left to chance."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.document.selftest import blocks
from lkdiag.journal.file import read_journal
from lkdiag.render import terminal
from lkdiag.report.build import build_report
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.scenario.file import builtin_names
from lkdiag.scenario.script import load_script
from lkdiag.selftest import (
    HONEST,
    HONEST_SCENARIO,
    HONEST_SHARE,
    INCONCLUSIVE,
    NOTHING_KNOWN,
    ScenarioMix,
    SelftestRun,
    confusion_of,
    prepare,
)

if TYPE_CHECKING:
    import pytest

JOURNALS = Path(__file__).parents[1] / "journals"
PLAYED = ("silent-drop", "running-but-absent", "late-agent", "lone-caller")


def part_of(journal: Path, alone: str) -> SelftestRun:
    events = tuple(read_journal(journal).events)
    report = build_report(events)
    assert isinstance(report, DispatchReport | TeardownReport)
    return SelftestRun(report, events, alone)


def played(name: str, *, injected: str | None = None) -> SelftestRun:
    return part_of(JOURNALS / "scenarios" / f"{name}.jsonl", injected or name)


def truths(*names: str) -> dict[str, dict[str, Any]]:
    found = {HONEST: {"outcome": "delivered", "mismatch": "none", "cause": "none"}}
    for name in names:
        found[name] = msgspec.to_builtins(load_script(name, tuple(BEHAVIOURS), make_behaviour).expect)
    return found


def test_what_was_injected_is_on_the_diagonal() -> None:
    result = confusion_of([played(name) for name in PLAYED], truths(*PLAYED), seed=1)
    assert (result.right, result.trials, result.wrong) == (5, 5, ())
    assert result.matrix == {
        HONEST: {},
        "silent-drop": {"silent-drop": 1},
        "running-but-absent": {"running-but-absent": 1},
        "late-agent": {"late-agent": 1},
        "lone-caller": {"lone-caller": 2},
    }


def test_another_failure_is_named_as_what_it_was_taken_for() -> None:
    result = confusion_of([played("silent-drop", injected="late-agent")], truths(*PLAYED), seed=1)
    assert (result.right, result.trials) == (0, 1)
    assert result.matrix["late-agent"] == {"silent-drop": 1}
    (wrong,) = result.wrong
    assert (wrong.injected, wrong.diagnosed) == ("late-agent", "silent-drop")
    assert wrong.told == "outcome is dropped, expected was delayed"


def test_a_failure_that_is_none_of_these() -> None:
    result = confusion_of([played("silent-drop", injected="late-agent")], truths("late-agent"), seed=1)
    assert result.matrix["late-agent"] == {NOTHING_KNOWN: 1}


def test_inconclusive_is_off_the_diagonal() -> None:
    part = part_of(JOURNALS / "interrupted.jsonl", "late-agent")
    whole = replace(part, report=replace(part.report, run=replace(part.report.run, interrupted=False)))
    result = confusion_of([whole], truths("late-agent"), seed=1)
    assert result.matrix["late-agent"] == {INCONCLUSIVE: 1}
    assert result.right == 0


def test_a_trial_that_was_cut_short_with_its_run_is_not_counted() -> None:
    result = confusion_of([part_of(JOURNALS / "interrupted.jsonl", "late-agent")], truths("late-agent"), seed=1)
    assert (result.trials, result.wrong) == (0, ())


def test_a_failure_in_an_honest_trial_is_a_false_alarm() -> None:
    result = confusion_of([played("silent-drop", injected=HONEST), played("dispatch-trial", injected=HONEST)],
                          truths("silent-drop"), seed=1)  # fmt: skip
    assert (result.honest, result.false_alarms) == (3, 1)
    assert result.matrix[HONEST] == {"silent-drop": 1, HONEST: 2}


def test_a_narrow_terminal_gets_a_list_and_a_pipe_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [name for name in builtin_names() if name not in (HONEST_SCENARIO, "transfer-teardown")]
    result = confusion_of([played("silent-drop", injected="late-agent")], truths(*every), seed=1)
    monkeypatch.setenv("COLUMNS", "80")
    narrow, piped = io.StringIO(), io.StringIO()
    terminal.write(blocks(result), terminal.make_console(narrow, is_terminal=True))
    terminal.write(blocks(result), terminal.make_console(piped, is_terminal=False))
    assert "1 silent-drop" in narrow.getvalue()
    assert max(len(line) for line in narrow.getvalue().splitlines()) < 120, "colours included"
    assert "Injected (rows) against diagnosed (columns)" in piped.getvalue()
    assert max(len(line) for line in piped.getvalue().splitlines()) > 120


def test_the_draw_rests_on_seed_and_trial_alone() -> None:
    scripts = [load_script(name, tuple(BEHAVIOURS), make_behaviour) for name in (HONEST_SCENARIO, *PLAYED[:3])]
    dispatches = prepare([s for s in scripts if s.kind == "dispatch"], scripts[0])  # type: ignore[misc, arg-type]
    mix = ScenarioMix(dispatches, 7, dispatches[HONEST])
    drawn = [mix.script_of(trial, warmup=False).name for trial in range(1, 2001)]
    assert drawn == [mix.script_of(trial, warmup=False).name for trial in range(1, 2001)]
    other = ScenarioMix(dispatches, 8, dispatches[HONEST])
    assert drawn != [other.script_of(trial, warmup=False).name for trial in range(1, 2001)]
    assert abs(drawn.count(HONEST) / 2000 - HONEST_SHARE) < 0.05
    assert {drawn.count(name) > 400 for name in PLAYED[:3]} == {True}
    assert mix.script_of(0, warmup=True).name == HONEST
