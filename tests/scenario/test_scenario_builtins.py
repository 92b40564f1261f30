"""The scenarios that come with lkdiag: each tells a story and where it is from, in the verdicts' own words."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lkdiag.judge.checks
from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.contract import DISPATCH_CHECKS, TEARDOWN_CHECKS, CheckSlug
from lkdiag.judge.tables import CALL_CHECKS, NAME_CHECKS, RUN_CHECKS, TRIAL_CHECKS, WATCH_CHECKS
from lkdiag.scenario import steps as step
from lkdiag.scenario.call import TeardownScenario
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.file import builtin_folder, builtin_names, read_builtin_text, read_summaries
from lkdiag.scenario.script import DispatchScript, TeardownScript, load_script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[2]
COMMANDS = ("dispatch-trial", "transfer-teardown")
CATALOGUE = [f"F{number}" for number in range(1, 18)]


def load(name: str) -> DispatchScript | TeardownScript:
    return load_script(name, tuple(BEHAVIOURS), make_behaviour)


@pytest.mark.parametrize("name", builtin_names())
def test_each_reads_like_a_story(name: str) -> None:
    script = load(name)
    assert script.name == name
    assert read_builtin_text(name).startswith("#:schema ./scenario.schema.json\n")
    assert script.title[0].isupper() or script.title.startswith(("createRoom", "listDispatch"))
    assert not script.title.endswith(".")
    assert len(script.title) <= 90
    assert len(script.story) > 100
    assert script.failure in CATALOGUE or name == "dispatch-trial"
    assert script.report.startswith("https://github.com/") or script.failure == "F17"
    if name not in COMMANDS:
        assert script.expect.allowed("outcome")


def test_every_failure_of_the_catalogue_has_one() -> None:
    assert {load(name).failure for name in builtin_names()} >= set(CATALOGUE)


@pytest.mark.parametrize("name", [name for name in builtin_names() if name not in COMMANDS])
def test_small_enough_to_be_tried(name: str) -> None:
    script = load(name)
    assert script.settings.count <= 8
    if isinstance(script, DispatchScript):
        assert script.settings.timeout_s <= 10
        assert len(script.cases) <= script.settings.count


@pytest.mark.parametrize("behaviour", [name for name in BEHAVIOURS if name not in ("honest", "reject")])
def test_every_behaviour_is_played(behaviour: str) -> None:
    played = set()
    for name in builtin_names():
        script = load(name)
        played |= {spec.spec.name for spec in script.workers.values()}
        played |= {
            one.spec.name for steps in script.steps_by_case for one in steps if isinstance(one, step.ChangeWorker)
        }
    assert behaviour in played


def test_the_commands_settings_are_their_defaults() -> None:
    """As lkdiag's own worker is the subject there, one trial goes before to warm it up."""
    assert load("dispatch-trial").settings == DispatchScenario(warmup=1)
    assert load("transfer-teardown").settings == TeardownScenario()
    assert [one.do for one in load("dispatch-trial").steps] == ["dispatch", "watch", "fallback"]


def test_the_list() -> None:
    listed = read_summaries()
    assert [one.name for one in listed[:2]] == list(COMMANDS)
    assert sorted(one.name for one in listed) == list(builtin_names())
    numbers = [int(one.failure[1:]) for one in listed[2:]]
    assert numbers == sorted(numbers)


def test_each_check_has_its_file_and_each_file_its_check() -> None:
    """That of a check that crashed is with the guard that says so."""
    files = {module.name.rpartition(".")[2] for module in pkgutil.walk_packages(lkdiag.judge.checks.__path__)}
    assert files == {check.replace("-", "_") for check in CheckSlug} - {"check_crashed"}


def test_each_check_has_the_slug_of_its_file() -> None:
    for module in pkgutil.iter_modules(lkdiag.judge.checks.__path__, "lkdiag.judge.checks."):
        slug = importlib.import_module(module.name).SLUG
        assert slug == module.name.rpartition(".")[2].replace("_", "-")


def slugs_of(checks: Sequence[Callable[..., object]]) -> set[str]:
    return {sys.modules[check.__module__].SLUG for check in checks}


def test_a_scenario_may_expect_the_checks_that_are_made_of_its_trials_and_no_others() -> None:
    """Leftover rooms and missing trials are of the run's end, and a crash of a check is with its guard."""
    of_dispatch, of_calls = slugs_of((*TRIAL_CHECKS, *RUN_CHECKS)), slugs_of(CALL_CHECKS)
    of_any_run = {CheckSlug.LEFTOVER_ROOM, CheckSlug.MISSING_TRIALS, CheckSlug.CHECK_CRASHED}
    assert set(DISPATCH_CHECKS) == of_dispatch | of_any_run
    assert of_calls <= set(TEARDOWN_CHECKS) <= of_calls | of_any_run
    of_watches = slugs_of((*WATCH_CHECKS, *NAME_CHECKS)) - of_dispatch - of_calls
    assert of_watches.isdisjoint(DISPATCH_CHECKS)
    assert of_watches.isdisjoint(TEARDOWN_CHECKS)


def test_they_are_in_the_wheel(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    shipped = sorted(path.name for path in (tmp_path / "installed" / "lkdiag" / "_scenarios").iterdir())
    assert shipped == sorted(path.name for path in builtin_folder().iterdir())
    found = subprocess.run(
        [sys.executable, "-c", "from lkdiag.scenario.file import *; print(builtin_folder(), *builtin_names())"],
        env={"PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.split() == [str(tmp_path / "installed" / "lkdiag" / "_scenarios"), *builtin_names()]
