"""Which worker answers to the dispatched name, and that the journal records the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.run.plan import PlannedTrial, Role, TrialWorkers, uses_simulated_worker, workers_of_trial
from lkdiag.scenario.script import DispatchScript, load_script

if TYPE_CHECKING:
    from pathlib import Path

STORY = """
title = "mine"
kind = "dispatch"
{above}
[[steps]]
do = "dispatch"
[[steps]]
do = "watch"
{below}
"""


def script_of(folder: Path, above: str = "", below: str = "", **overrides: str) -> DispatchScript:
    file = folder / "mine.toml"
    file.write_text(STORY.format(above=above, below=below))
    script = load_script(str(file), tuple(BEHAVIOURS), make_behaviour, overrides)
    assert isinstance(script, DispatchScript)
    return script


def workers_for(script: DispatchScript, role: Role = Role.SUBJECT) -> TrialWorkers:
    return workers_of_trial(script, PlannedTrial(1, role, script.cases[0]), "20261121-000000-abcd", None)


MAIN = '[workers.main]\nbehaviour = "{}"'


@pytest.mark.parametrize("behaviour", ["honest", "overloaded"])
def test_a_fault_goes_before_the_files_own_worker(behaviour: str, tmp_path: Path) -> None:
    workers = workers_for(script_of(tmp_path, MAIN.format(behaviour), fault="half-open"))
    assert str(workers.drawn) == "half-open"
    assert workers.simulated["main"].behaviour == "half-open"
    assert not workers.on_probe


def test_a_worker_that_is_played_is_what_is_recorded(tmp_path: Path) -> None:
    workers = workers_for(script_of(tmp_path, MAIN.format("overloaded")))
    assert (str(workers.drawn), workers.simulated["main"].behaviour) == ("overloaded", "overloaded")


def test_a_plain_worker_is_the_probe(tmp_path: Path) -> None:
    script = script_of(tmp_path, MAIN.format("ghost"))
    assert not uses_simulated_worker(script)
    workers = workers_for(script)
    assert (workers.on_probe, str(workers.drawn), dict(workers.simulated)) == (True, "ghost", {})


def test_a_control_is_honest_and_the_probe(tmp_path: Path) -> None:
    workers = workers_for(script_of(tmp_path, MAIN.format("overloaded")), Role.CONTROL)
    assert (workers.on_probe, str(workers.drawn), dict(workers.simulated)) == (True, "honest", {})


def test_a_worker_that_a_step_of_any_case_changes_is_played(tmp_path: Path) -> None:
    others = '[workers.main]\n[workers.other]\n[vary]\nw = ["other", "main"]'
    change = '[[steps]]\ndo = "change-worker"\nworker = "$w"\nbehaviour = "ghost"'
    assert uses_simulated_worker(script_of(tmp_path, others, change))
