"""A run of very many trials: judged and shown in a stream, with the same verdicts, linear in time, small in memory."""

from __future__ import annotations

import cProfile
import io
import json
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from lkdiag.journal.file import read_journal
from lkdiag.render import FORMATS
from lkdiag.report.build import build_report
from lkdiag.report.redact import redact
from lkdiag.report.value import DispatchReport
from tests.many_trials import lines_of

if TYPE_CHECKING:
    from lkdiag.report.value import Report

JOURNALS = Path(__file__).parents[1] / "journals"
TWENTY = JOURNALS / "large" / "twenty.jsonl"
"""Really recorded, four at a time: `--fault ghost=0.1,silent=0.1`, after a warm-up."""
CONTROLLED = JOURNALS / "nobody-control.jsonl"
"""A name that nobody answers to, and the control beside it: each diagnosis goes by the rest of the run."""
EVERY = sorted(JOURNALS.glob("**/*.jsonl"))


def made(tmp_path: Path, of: Path, count: int) -> Path:
    path = tmp_path / f"{of.stem}-{count}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines_of(of, count))
    return path


def judged(path: Path, *, plain: int = 0) -> Report:
    """With every trial packed, as those of a large run are."""
    return build_report(read_journal(path).events, plain=plain)


def shown(report: Report, format_: str) -> str:
    text = io.StringIO()
    FORMATS[format_](report, text, verbose=True)
    return text.getvalue()


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_packed_or_not_the_report_is_the_same(path: Path) -> None:
    packed, plain = judged(path), judged(path, plain=1000)
    assert packed == plain
    assert shown(packed, "json") == shown(plain, "json")
    assert redact(packed) == redact(plain)


def test_from_a_file_or_from_memory_the_report_is_the_same(tmp_path: Path) -> None:
    path = made(tmp_path, TWENTY, 60)
    events = tuple(read_journal(path).events)
    assert judged(path) == build_report(events) == build_report(iter(events))


def test_as_often_as_it_was_played_it_is_judged_alike(tmp_path: Path) -> None:
    once, often = judged(TWENTY), judged(made(tmp_path, TWENTY, 100))
    assert isinstance(once, DispatchReport)
    assert isinstance(often, DispatchReport)
    fates = [(trial.outcome, trial.mismatch, trial.fallback) for trial in once.trials]
    assert [(trial.outcome, trial.mismatch, trial.fallback) for trial in often.trials] == 5 * fates
    assert [trial.index for trial in often.trials] == list(range(1, 101))
    assert len({trial.room_sid for trial in often.trials}) == 100
    assert often.summary.lost_rate.count == 5 * once.summary.lost_rate.count


@pytest.mark.parametrize("recording", [TWENTY, CONTROLLED], ids=lambda path: path.stem)
def test_three_times_the_trials_are_three_times_the_work(recording: Path, tmp_path: Path) -> None:
    """Counted in calls, which are the same on every machine."""
    calls = []
    for count in (100, 300):
        path = made(tmp_path, recording, count)
        profile = cProfile.Profile()
        profile.runcall(judged, path)
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    assert calls[1] < 3.3 * calls[0]


@pytest.mark.parametrize("recording", [TWENTY, CONTROLLED], ids=lambda path: path.stem)
def test_what_is_kept_of_a_trial_is_a_small_part_of_its_journal(recording: Path, tmp_path: Path) -> None:
    judged(recording)  # whatever is imported or remembered once
    peaks, sizes = [], []
    for count in (100, 300):
        path = made(tmp_path, recording, count)
        tracemalloc.start()
        judged(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(path.stat().st_size)
    assert peaks[1] - peaks[0] < (sizes[1] - sizes[0]) / 4


COUNT = 2100


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return judged(made(tmp_path_factory.mktemp("large"), TWENTY, COUNT), plain=1000)


def test_json_has_all_of_more_than_2000(report: Report) -> None:
    told = json.loads(shown(report, "json"))
    assert [trial["index"] for trial in told["trials"]] == list(range(1, COUNT + 1))


def test_junit_has_all_of_more_than_2000(report: Report) -> None:
    suite = ET.fromstring(shown(report, "junit"))
    assert len(suite.findall(".//testcase[@classname='lkdiag.dispatch-trial.trial']")) == COUNT
    assert int(suite.attrib["failures"]) == len(suite.findall(".//failure"))


def test_the_others_have_what_fits_and_say_so(report: Report) -> None:
    fail = COUNT * 6 // 20
    markdown, page, text = (shown(report, name) for name in ("markdown", "html", "terminal"))
    assert len(markdown) <= 65_536
    assert len(page.encode()) <= 1_000_000
    assert f"the rows of the {COUNT - fail} trials without a finding" in markdown
    assert f"the rows of the {COUNT - fail} trials without a finding" in page
    assert f"the findings of {fail} failing trials" in markdown
    assert text.count("\n") < 1_000
    assert f"{COUNT - 100} more trials, delivered or not: --format json has all of them" in text
    assert f"Of {COUNT} dispatches" in text
