"""The terminal's report: widths, pipes, colours, what is left out and said to be."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from lkdiag.contract import Outcome
from lkdiag.document.build import document_of
from lkdiag.document.selection import failing as failing_trials
from lkdiag.render import terminal

from . import sample_reports
from .sample_reports import SAMPLES, a_dropped, a_report, a_trial

if TYPE_CHECKING:
    from lkdiag.report.value import DispatchReport, TrialReport

ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def shown(report: DispatchReport, width: int = 80, *, verbose: bool = False, **console: Any) -> str:
    """What stands on a terminal of that width."""
    file = io.StringIO()
    options: dict[str, Any] = {"force_terminal": True, "color_system": None, **console}
    terminal.render(document_of(report), Console(file=file, width=width, height=50, **options), verbose=verbose)
    return file.getvalue()


def piped(report: DispatchReport) -> str:
    """What goes into a pipe."""
    file = io.StringIO()
    terminal.render(document_of(report), terminal.make_console(file, is_terminal=False))
    return file.getvalue()


def ids(trial: TrialReport) -> list[str]:
    found = (trial.room_sid, trial.dispatch_id, trial.job_id, trial.worker_id, trial.fallback_dispatch_id)
    return [text for text in found if text is not None]


@pytest.mark.parametrize("width", [80, 100, 170, 200])
@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_is_wider_than_the_terminal(sample: str, width: int, verbose: bool) -> None:
    text = shown(SAMPLES[sample](), width, verbose=verbose)
    assert max(cell_len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("sample", SAMPLES)
def test_ids_of_failing_trials_are_never_cut(sample: str, width: int) -> None:
    report = SAMPLES[sample]()
    text = shown(report, width)
    assert not [found for trial in failing_trials(report.trials) for found in ids(trial) if found not in text]


def test_a_wide_terminal_gets_one_row_with_everything_for_each_trial() -> None:
    report = sample_reports.failing()
    lines = shown(report, 200).splitlines()
    for trial in report.trials:
        assert any(all(found in line for found in (trial.outcome.value, *ids(trial))) for line in lines)


def test_a_narrow_terminal_gets_ids_of_failing_trials_and_says_where_the_others_are() -> None:
    text = shown(sample_reports.failing())
    assert "RM_0002" not in text
    assert "Ids of 27 trials without a finding: --verbose" in text


def test_verbose_shows_every_id_and_every_story_and_the_columns_meaning() -> None:
    report = sample_reports.failing()
    text = shown(report, verbose=True)
    assert all(found in text for trial in report.trials for found in ids(trial))
    assert all(f"Trial {trial.index} " in text for trial in failing_trials(report.trials))
    assert "what listDispatch said at the end" in text
    assert "livekit-api 1.2.0" in text


def test_a_terminal_lists_only_failing_ones_of_very_many_trials() -> None:
    text = shown(sample_reports.many(150))
    assert "100 trials delivered without a finding: shown with --verbose" in text
    assert not re.search(r"^ *2  ", text, re.MULTILINE)
    assert re.search(r"^ *3  ✗ dropped", text, re.MULTILINE)


def test_more_than_ten_failing_trials_are_told_by_the_first_of_each_kind() -> None:
    text = shown(sample_reports.failing())
    assert [int(number) for number in re.findall(r"^Trial (\d+) ", text, re.MULTILINE)] == [3, 7, 9, 21, 38]
    assert "8 more failing trials of the kinds above: 4, 10, 11, 15, 16, 26, 30, 33" in text
    assert "--format json" in text


def test_ten_failing_trials_are_all_told_and_explained_once() -> None:
    text = shown(a_report(tuple(a_dropped(index) for index in range(1, 11))))
    assert len(re.findall(r"^Trial \d+ ", text, re.MULTILINE)) == 10
    assert text.count("+20.005 s") == 10
    assert text.count("see https://github.com/livekit/agents-js/issues/1211") == 1


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_pipe_gets_plain_text_in_full(sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    report = SAMPLES[sample]()
    text = piped(report)
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.endswith(" ")]
    for trial in report.trials:
        row = [line for line in text.splitlines() if re.match(rf" *{trial.index}  ", line)]
        assert len(row) == 1
        assert all(found in row[0] for found in (trial.outcome.value, *ids(trial)))


def test_a_pipe_wraps_nothing() -> None:
    report = sample_reports.hostile()
    lines = piped(report).splitlines()
    assert any(line.strip().startswith("subject") and line.endswith("long-") for line in lines)
    assert sum("long-long" in line for line in lines) == sum(line.count("[red]agent[/red]") for line in lines)


@pytest.mark.parametrize("sample", SAMPLES)
def test_only_colours_that_read_well_on_light_and_dark(sample: str) -> None:
    text = shown(SAMPLES[sample](), color_system="truecolor", verbose=True, no_color=False)
    codes = {code for found in ESCAPE.findall(text) for code in found.split(";")}
    assert codes <= {"", "0", "1", "2", "31", "32", "36"}
    assert "\x1b" not in ESCAPE.sub("", text)


def test_no_color_leaves_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    file = io.StringIO()
    terminal.render(document_of(sample_reports.failing()), terminal.make_console(file, is_terminal=True))
    codes = {code for found in ESCAPE.findall(file.getvalue()) for code in found.split(";")}
    assert codes <= {"", "0", "1", "2"}


@pytest.mark.parametrize("markup", [False, True])
def test_text_from_elsewhere_is_neither_markup_nor_escape_sequence(markup: bool) -> None:
    text = shown(sample_reports.hostile(), 2000, markup=markup, emoji=markup, highlight=markup)
    assert "[red]agent[/red] | `rm -rf` <img src=x onerror=alert(1)> \\x1b[31m\\x1b]0;owned\\x07 @everyone" in text
    assert "boom\\n```\\n# heading\\r\\x9b2J </details> \\u202etxt\\u202c 日本語 🙂" in text


def test_the_verdict_comes_last_by_word_and_symbol_before_the_command() -> None:
    lines = shown(sample_reports.delivered()).splitlines()
    assert lines[-2:] == [
        "✓ PASS  All 20 dispatches were delivered.",
        "again  lkdiag dispatch-trial --count 20 --agent-name inbound-agent",
    ]


def test_a_long_command_can_still_be_pasted() -> None:
    lines = shown(sample_reports.failing()).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("again"))
    pasted = "\n".join([lines[at].removeprefix("again"), *lines[at + 1 :]]).replace("\\\n", " ")
    assert pasted.split() == sample_reports.failing().run.command.split()


def test_an_interrupted_run_says_how_far_it_came() -> None:
    assert "The run was interrupted after 0 trials of 20 planned." in shown(sample_reports.empty())


def test_warm_up_trials_are_one_line() -> None:
    report = sample_reports.delivered()
    assert "1 warm-up trial, not counted: delayed in 5.08 s" in shown(report)
    two = replace(report, warmup=(a_trial(0), a_dropped(-1)))
    assert "2 warm-up trials, not counted: 1 delivered, 1 dropped" in shown(two)


def test_histogram_counts_every_subject_trial_that_came_or_was_dropped() -> None:
    report = sample_reports.failing()
    block = shown(report).split("Latency of the subject's trials\n")[1].split("\n\n")[0].splitlines()
    dropped = report.summary.outcomes[Outcome.DROPPED]
    assert block[-1].strip().startswith("never came")
    assert block[-1].endswith(f" {dropped}")
    assert sum(int(line.split()[-1]) for line in block[:-1]) == report.summary.latency_ms.count


def test_few_latencies_have_no_histogram() -> None:
    assert "Latency of the subject's trials" not in shown(sample_reports.inconclusive())


def test_rooms_with_nothing_in_common_are_named_in_full() -> None:
    report = a_report((a_dropped(1, room="alpha"), a_dropped(2, room="beta")))
    text = shown(report)
    assert "alpha" in text
    assert "beta" in text
    assert "rooms " not in text


def test_a_stream_that_lacks_a_character_gets_an_escape() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    terminal.render(document_of(sample_reports.delivered()), terminal.make_console(file, is_terminal=False))
    file.flush()
    assert b"delivered" in raw.getvalue()


def test_a_finding_that_was_told_is_only_counted_below() -> None:
    report = sample_reports.failing()
    told, findings = shown(report).split("\nFindings\n")
    first = report.trials[2].findings[0]
    assert first.reference in told
    assert first.reference not in findings
    assert report.findings[0].hint[:30] not in findings
    assert re.search(r"no agent came in time  \[dropped, failure\]  4 trials:\s+3, 4, 15, 30", findings)


def test_a_finding_that_was_not_told_is_told_below() -> None:
    report = sample_reports.failing()
    findings = shown(report).split("\nFindings\n")[1]
    assert "5.08 s against a median of 311 ms." in findings
    other = replace(report.findings[0], title="Another title of the same check")
    findings = shown(replace(report, findings=(other,)), 200).split("\nFindings\n")[1]
    assert other.fact in findings
    assert other.hint in findings
    assert other.reference in findings
    assert "4 trials: 3, 4, 15, 30" in findings


def test_a_room_left_behind_says_what_would_close_it() -> None:
    text = shown(sample_reports.failing())
    assert "closes when all of them have left, or by `lkdiag sweep --delete`" in text
