"""Real journals of a private livekit-server (1.13.5), one for each kind of failure, with the report that they give.

After a change that is meant: `LKDIAG_WRITE_GOLDEN=1 python -m pytest tests/report/test_journals.py`, then read the
diff. A new journal: record a run with LKDIAG_RUNS_DIR set (not --runs-dir, which would stand in the journal's
command), put its journal.jsonl into tests/journals/ under the failure's name, replace the `os` of its first line by
"Linux", and write the golden report as above. The two `…-by-python` are of real livekit-agents workers (1.8.9), cut
down to some trials of a longer run, as are `overloaded` (100 trials at a time with media) and `stopped` (lkdiag was
stopped by SIGSTOP for seconds), both on an honest server; and in one of them the worker's log is among the events.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from lkdiag.contract import Fallback, Outcome, Verdict
from lkdiag.errors import JournalError
from lkdiag.journal.event import is_ground_truth
from lkdiag.journal.file import read_journal
from lkdiag.report.build import build_report
from lkdiag.report.value import DispatchReport

if TYPE_CHECKING:
    from lkdiag.report.value import TrialReport

JOURNALS = Path(__file__).parents[1] / "journals"
NAMES = sorted(path.stem for path in JOURNALS.glob("*.jsonl"))

VERDICTS = {
    # name: what each trial that counts is judged to be: outcome, state, mismatch, fallback
    "answered-late": ["dropped no-job None rescued"],
    "automatic": ["delivered running None not-needed"],
    "create-dispatch": ["delivered running None not-needed"],
    "declined-by-python": ["dropped success None lost", "delivered running None not-needed"],
    "fallback-lost": ["dropped no-job None lost"],
    "full-unlogged-by-python": [
        "delivered running None not-needed",
        "dropped no-job None rescued",
        "delivered running None not-needed",
    ],
    "ghost": ["dropped running false-running rescued"],
    "honest": ["delivered running None not-needed"] * 2,
    "interrupted": ["inconclusive running None not-needed"],
    "killed": ["inconclusive running None not-needed"],
    "listed-late": ["delivered running None not-needed"],
    "nobody": ["dropped no-job None off"],
    "nobody-control": ["dropped no-job None off", "delivered running None off"],
    "overloaded": [
        "delivered running None not-needed",
        "inconclusive running None not-needed",
        "inconclusive running None not-needed",
    ],
    "reject": ["dropped no-job None rescued"],
    "silent": ["dropped no-job None rescued"],
    "slow": ["delayed running None not-needed"],
    "stopped": ["inconclusive no-job None rescued", "delivered running None not-needed"],
    "token": ["delivered running None not-needed"],
    "too-slow": ["dropped running None not-needed"],
}


def report_of(name: str) -> DispatchReport:
    return report_in(JOURNALS / f"{name}.jsonl")


def report_in(journal: Path) -> DispatchReport:
    report = build_report(read_journal(journal).events)
    assert isinstance(report, DispatchReport)
    return report


def said(trial: TrialReport) -> str:
    return f"{trial.outcome} {trial.state} {trial.mismatch} {trial.fallback}"


def test_every_journal_has_its_verdicts_and_the_reverse() -> None:
    assert sorted(VERDICTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_verdicts(name: str) -> None:
    assert [said(trial) for trial in report_of(name).trials] == VERDICTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_report_is_the_golden_one(name: str) -> None:
    text = msgspec.json.format(msgspec.json.encode(report_of(name)), indent=1).decode() + "\n"
    golden = JOURNALS / f"{name}.report.json"
    if os.environ.get("LKDIAG_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_what_lkdiag_broke_on_purpose_is_not_what_it_judges_by(name: str) -> None:
    events = read_journal(JOURNALS / f"{name}.jsonl").events
    honest = tuple(event for event in events if not is_ground_truth(event.kind))
    assert build_report(honest) == build_report(events)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_tells_of_the_machine_or_its_secrets(name: str) -> None:
    for path in (JOURNALS / f"{name}.jsonl", JOURNALS / f"{name}.report.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|tmp|Users|work)/|eyJ[\w-]{8}|secret", text), path


@pytest.mark.parametrize("name", NAMES)
def test_a_journal_that_was_cut_anywhere_claims_nothing_for_the_trial_that_was_cut(name: str, tmp_path: Path) -> None:
    """At every line's end, and in the middle of every line."""
    lines = (JOURNALS / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
    report = report_of(name)
    whole = {trial.index: trial for trial in (*report.trials, *report.warmup)}
    cut = tmp_path / "journal.jsonl"
    for kept in range(1, len(lines)):
        for torn in (b"", lines[kept][: len(lines[kept]) // 2], lines[kept][:-2]):
            cut.write_bytes(b"".join(lines[:kept]) + torn)
            report = report_in(cut)
            finished = (line for line in lines[:kept] if b'"kind":"trial.finished"' in line)
            ended = {json.loads(line)["trial"] for line in finished}
            for trial in (*report.warmup, *report.trials):
                if trial.index not in ended:
                    assert trial.outcome is Outcome.INCONCLUSIVE, (kept, said(trial))
                    assert trial.mismatch is None
                    assert trial.fallback in (Fallback.NOT_NEEDED, Fallback.OFF, Fallback.UNCLEAR, Fallback.RESCUED)
                else:
                    # what came later (the socket was heard again) can only have settled it
                    assert trial.outcome in (whole[trial.index].outcome, Outcome.INCONCLUSIVE)
            if len(ended) < len(whole):
                assert report.verdict is not Verdict.PASS
            assert report.run.interrupted


def test_cut_in_its_first_line_it_is_no_journal(tmp_path: Path) -> None:
    cut = tmp_path / "journal.jsonl"
    cut.write_bytes((JOURNALS / "honest.jsonl").read_bytes()[:200])
    with pytest.raises(JournalError):
        read_journal(cut)
