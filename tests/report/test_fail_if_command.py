"""`--fail-if` as a user meets it: exit codes, every format, and refusals before anything is run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from lkdiag.cli import dispatch_trial, report, run, transfer_teardown
from lkdiag.cli.command import flat
from lkdiag.errors import LkdiagError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

JOURNALS = Path(__file__).parents[1] / "journals"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's runs: an honest one, one whose agent never came, one of calls."""
    for name in ("honest", "ghost", "scenarios/transfer-teardown"):
        folder = tmp_path / "runs" / Path(name).name
        folder.mkdir(parents=True)
        shutil.copy(JOURNALS / f"{name}.jsonl", folder / "journal.jsonl")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LKDIAG_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs"


def call(command: Callable[..., None], *words: str) -> tuple[int, str]:
    """Its exit code and its stdout; raises what it refuses with."""
    app = typer.Typer()
    app.command()(flat(command))
    done = CliRunner().invoke(app, list(words))
    if isinstance(done.exception, LkdiagError):
        raise done.exception
    return done.exit_code, done.stdout


@pytest.mark.usefixtures("runs")
class TestReport:
    @pytest.mark.parametrize(
        ("run_name", "conditions", "code"),
        [
            ("honest", [], 0),
            ("honest", ["lost_rate>0.01", "leftover_rooms>0"], 0),
            ("honest", ["lost_rate>0.01", "p95_ms>1"], 1),
            ("honest", ["state_lag_max_ms>60000"], 0),
            ("ghost", ["lost_rate>1"], 1),
            ("transfer-teardown", ["trials<1"], 1),
        ],
    )
    def test_an_old_run_is_judged_by_new_thresholds(self, run_name: str, conditions: list[str], code: int) -> None:
        options = [word for condition in conditions for word in ("--fail-if", condition)]
        assert call(report.report, run_name, *options)[0] == code

    def test_every_format_shows_them(self) -> None:
        words = ("honest", "--fail-if", "p95_ms>1", "--fail-if", "trials<1", "--format")
        _, terminal = call(report.report, *words, "terminal")
        assert "\n✗ p95_ms is " in terminal
        assert "\n✓ trials is 2; the run fails if it is < 1.\n" in terminal
        _, markdown = call(report.report, *words, "markdown")
        assert "\n- ✗ p95\\_ms is " in markdown or "\n- ✗ p95_ms is " in markdown
        _, text = call(report.report, *words, "json")
        found = json.loads(text)
        assert found["verdict"] == "fail"
        assert [(one["metric"], one["operator"], one["limit"], one["ok"]) for one in found["thresholds"]] == [
            ("p95_ms", ">", 1.0, False),
            ("trials", "<", 1.0, True),
        ]
        assert set(found["thresholds"][0]) == {"metric", "operator", "limit", "value", "ok", "told"}
        _, junit = call(report.report, *words, "junit")
        assert 'name="fail-if p95_ms &gt; 1"' in junit

    def test_one_that_can_not_be_told_is_marked(self) -> None:
        assert "\n? p95_ms has no value: no agent came" in call(report.report, "ghost", "--fail-if", "p95_ms>2")[1]

    def test_a_metric_of_the_other_kind_is_refused(self) -> None:
        with pytest.raises(UsageError, match="there is no metric 'lost_rate' in a teardown run"):
            call(report.report, "transfer-teardown", "--fail-if", "lost_rate>0")

    def test_with_redact_too(self) -> None:
        assert call(report.report, "honest", "--redact", "--fail-if", "p95_ms>1")[0] == 1


@pytest.mark.parametrize(
    ("command", "words", "text"),
    [
        (dispatch_trial.dispatch_trial, [], "lost>0"),
        (run.run, ["silent-drop"], "lost>0"),
        (run.run, ["survivor-alone"], "lost_rate>0"),
        (transfer_teardown.transfer_teardown, [], "lost_rate>0"),
    ],
)
def test_refused_before_anything_is_run(command: Callable[..., None], words: list[str], text: str, runs: Path) -> None:
    before = sorted(runs.rglob("*"))
    with pytest.raises(UsageError, match="there is no metric"):
        call(command, *words, "--local", "--fail-if", text)
    assert sorted(runs.rglob("*")) == before
