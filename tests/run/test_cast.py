"""Who answers to the dispatched name: what is recorded as played is what is played."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.run.plan import Cast, PlannedTrial, Role, cast_trial, main_is_played
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


def cast_of(script: DispatchScript, role: Role = Role.SUBJECT) -> Cast:
    return cast_trial(script, PlannedTrial(1, role, script.cases[0]), "20261121-000000-abcd", None)


MAIN = '[workers.main]\nbehaviour = "{}"'


@pytest.mark.parametrize("behaviour", ["honest", "overloaded"])
def test_a_fault_goes_before_the_files_own_worker(behaviour: str, tmp_path: Path) -> None:
    cast = cast_of(script_of(tmp_path, MAIN.format(behaviour), fault="half-open"))
    assert str(cast.drawn) == "half-open"
    assert cast.workers["main"].behaviour == "half-open"
    assert not cast.on_probe


def test_a_worker_that_is_played_is_what_is_recorded(tmp_path: Path) -> None:
    cast = cast_of(script_of(tmp_path, MAIN.format("overloaded")))
    assert (str(cast.drawn), cast.workers["main"].behaviour) == ("overloaded", "overloaded")


def test_a_plain_worker_is_the_probe(tmp_path: Path) -> None:
    script = script_of(tmp_path, MAIN.format("ghost"))
    assert not main_is_played(script)
    cast = cast_of(script)
    assert (cast.on_probe, str(cast.drawn), dict(cast.workers)) == (True, "ghost", {})


def test_a_control_is_honest_and_the_probe(tmp_path: Path) -> None:
    cast = cast_of(script_of(tmp_path, MAIN.format("overloaded")), Role.CONTROL)
    assert (cast.on_probe, str(cast.drawn), dict(cast.workers)) == (True, "honest", {})


def test_a_worker_that_a_step_of_any_case_changes_is_played(tmp_path: Path) -> None:
    others = '[workers.main]\n[workers.other]\n[vary]\nw = ["other", "main"]'
    change = '[[steps]]\ndo = "change-worker"\nworker = "$w"\nbehaviour = "ghost"'
    assert main_is_played(script_of(tmp_path, others, change))
