"""A journal of each scenario, played on a private livekit-server (1.13.5), with the report that it gives.

After a change that is meant: `LKDIAG_WRITE_GOLDEN=1 python -m pytest tests/report/test_scenario_journals.py`, then read
the diff. A new one: `LKDIAG_RUNS_DIR=somewhere lkdiag run NAME --local --set count=1`, put its journal.jsonl into
tests/journals/scenarios/ under the scenario's name, replace the `os` of its first line by "Linux", and write the golden
report as above.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lkdiag.journal.file import read_journal
from lkdiag.render.json import render
from lkdiag.report.build import build_report
from lkdiag.scenario.file import builtin_names

JOURNALS = Path(__file__).parents[1] / "journals" / "scenarios"
WITHOUT_EXPECTATION = {"dispatch-trial", "transfer-teardown"}


def test_every_scenario_has_a_journal() -> None:
    assert sorted(path.stem for path in JOURNALS.glob("*.jsonl")) == list(builtin_names())


@pytest.mark.parametrize("name", builtin_names())
def test_the_report_is_the_golden_one(name: str) -> None:
    golden = JOURNALS / f"{name}.report.json"
    given = render(build_report(read_journal(JOURNALS / f"{name}.jsonl").events))
    if os.environ.get("LKDIAG_WRITE_GOLDEN"):
        golden.write_text(given)
    assert given == golden.read_text()


@pytest.mark.parametrize("name", sorted(set(builtin_names()) - WITHOUT_EXPECTATION))
def test_it_went_as_its_file_expects(name: str) -> None:
    report = build_report(read_journal(JOURNALS / f"{name}.jsonl").events)
    assert report.expectation is not None
    assert report.expectation.met, report.expectation.told
    assert report.run.scenario == name
