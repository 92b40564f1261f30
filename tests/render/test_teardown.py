"""The report of transfer teardowns: its grid, its findings by cell, its stories, its JSON, at every width."""

from __future__ import annotations

import io
import json as reader
import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from lkdiag.contract import TeardownOutcome
from lkdiag.document import teardown_table as columns
from lkdiag.document.build import document_of
from lkdiag.document.selection import failing, planned_trials
from lkdiag.document.teardown import CLEANUP_MEANING, WORST_FIRST, cell_text, grid_of, where
from lkdiag.document.teardown_table import SYMBOL
from lkdiag.render import json, markdown, terminal
from lkdiag.report.redact import redact
from lkdiag.report.teardown_value import SubjectSeen, TeardownCell
from lkdiag.report.value import LeftoverRoom
from lkdiag.scenario.call import Cleanup

from . import teardown_samples
from .teardown_samples import CLEANUPS, EXITS, TEARDOWNS, a_call, a_teardown

if TYPE_CHECKING:
    from lkdiag.report.teardown_value import TeardownReport

ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def shown(report: TeardownReport, width: int = 80, *, verbose: bool = False, **console: Any) -> str:
    file = io.StringIO()
    options: dict[str, Any] = {"force_terminal": True, "color_system": None, **console}
    terminal.render(document_of(report), Console(file=file, width=width, height=50, **options), verbose=verbose)
    return file.getvalue()


def piped(report: TeardownReport) -> str:
    file = io.StringIO()
    terminal.render(document_of(report), terminal.make_console(file, is_terminal=False))
    return file.getvalue()


def section(text: str, title: str) -> list[str]:
    """The lines below a title, up to the next blank one."""
    return text.split(f"\n{title}\n")[1].split("\n\n")[0].splitlines()


def a_cell(outcomes: dict[str, int], closed_ms: float | None, stranded_ms: float | None) -> TeardownCell:
    return TeardownCell("off", "crashed", "human", sum(outcomes.values()), outcomes, closed_ms, stranded_ms)


@pytest.mark.parametrize(
    ("cell", "long", "short"),
    [
        (a_cell({"closed": 1}, 18.4, None), "✓ 0.02 s", "✓ 0.02 s"),
        (a_cell({"slow": 1}, 6104.0, None), "! 6.1 s", "! 6.1 s"),
        (a_cell({"slow": 1}, None, None), "!", "!"),
        (a_cell({"leftover": 1}, None, 8012.4), "✗ left 8.0 s", "✗ 8.0 s"),
        (a_cell({"leftover": 1}, None, None), "✗ left", "✗ left"),
        (a_cell({"inconclusive": 1}, None, None), "?", "?"),
        (a_cell({"error": 1}, None, None), "error", "error"),
        (a_cell({"closed": 3}, 18.4, None), "3/3 ✓ 0.02 s", "3/3 ✓"),
        (a_cell({"closed": 1, "leftover": 2}, 18.4, 8000.0), "2/3 ✗ left 8.0 s", "2/3 ✗"),
        (a_cell({"closed": 2, "slow": 1}, 18.4, None), "1/3 !", "1/3 !"),
        (a_cell({"closed": 2, "error": 1}, 18.4, None), "1/3 error", "1/3 error"),
        (a_cell({"closed": 2, "inconclusive": 1}, 18.4, None), "1/3 ?", "1/3 ?"),
    ],
)
def test_a_cell_says_the_worst_and_how_often(cell: TeardownCell, long: str, short: str) -> None:
    assert cell_text(cell) == long
    assert cell_text(cell, short=True) == short


def test_every_outcome_has_a_mark_and_every_cleanup_a_meaning() -> None:
    assert set(SYMBOL) == set(WORST_FIRST) == set(TeardownOutcome)
    assert len(set(SYMBOL.values())) == len(SYMBOL)
    assert set(CLEANUP_MEANING) == {cleanup.value for cleanup in Cleanup}


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("sample", TEARDOWNS)
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_is_wider_than_the_terminal(sample: str, width: int, verbose: bool) -> None:
    text = shown(TEARDOWNS[sample](), width, verbose=verbose)
    assert max(cell_len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize(("width", "leftover"), [(80, "✗ 8.0 s"), (200, "✗ left 8.0 s")])
def test_the_grid_has_a_row_a_cleanup_and_a_column_an_exit_and_side(width: int, leftover: str) -> None:
    exits, sides, _, *rows = section(shown(teardown_samples.full_grid(), width), "Is the room closed?")
    assert exits.split() == list(EXITS)
    assert sides.split() == ["cleanup", *("caller", "human") * 3]
    assert [row.split()[0] for row in rows] == list(CLEANUPS)
    cells = [re.split(r"\s{2,}", row)[1:] for row in rows]
    assert cells[0] == [leftover] * 6
    assert cells[1][:2] == ["✓ 0.01 s", "✓ 0.02 s"]
    assert cells[5][3] == "! 6.1 s"


def test_sides_stand_above_their_cells() -> None:
    _, sides, _, *rows = section(shown(teardown_samples.full_grid()), "Is the room closed?")
    starts = [found.start() for found in re.finditer(r"caller|human", sides)]
    assert all(row[start] in "✓✗!" for row in rows for start in starts)


def test_a_narrow_terminal_gets_a_line_for_each_cell() -> None:
    rows = section(shown(teardown_samples.full_grid(), 60), "Is the room closed?")[2:]
    assert len(rows) == 36
    assert rows[0].split() == ["late-context", "session-closed", "caller", "✗", "left", "8.0", "s"]


def test_what_was_not_played_has_no_row_and_no_column() -> None:
    text = shown(teardown_samples.interrupted())
    exits, _, _, *rows = section(text, "Is the room closed?")
    assert exits.split() == ["session-closed", "left-room"]
    assert [row.split() for row in rows] == [
        ["late-context", "✓", "0.02", "s", "?", "–"],
        ["off", "–", "–", "error"],
    ]
    assert "webhook-reaper" not in text
    assert "The run was interrupted after 3 trials of 36 planned." in text


def test_the_legend_explains_what_is_shown_and_no_more() -> None:
    text = shown(teardown_samples.interrupted(), 200)
    assert "looks the job context up when it is gone: the reported bug" in text
    assert "inconclusive: lkdiag was not fit to judge" in text
    assert "the survivor was alone" not in text
    assert "slow: closed after more than 5 s" in shown(teardown_samples.full_grid())


def test_the_users_agent_is_named_and_counted() -> None:
    text = shown(teardown_samples.subject())
    assert "front-desk" in text
    assert "your agent" in text
    assert "MoveParticipant" in text
    assert section(text, "Is the room closed?")[-1].split() == ["subject", *["3/3", "✓", "0.02", "s"] * 2]


@pytest.mark.parametrize(
    ("agent_exit", "seen", "told"),
    [
        ("stays", SubjectSeen(silent=True, put_out=False), "stays, silent"),
        ("stays", SubjectSeen(silent=False, put_out=False), "stays"),
        ("left-room", SubjectSeen(silent=False, put_out=True), "left-room, put out by lkdiag"),
    ],
)
def test_what_was_seen_of_the_users_agent_is_told(agent_exit: str, seen: SubjectSeen, told: str) -> None:
    trial = teardown_samples.a_call(1, "subject", agent_exit, "caller")
    assert columns.EXIT.cell(replace(trial, subject=seen)) == told


def test_the_users_agent_is_planned_once_a_side() -> None:
    """Its exits are not chosen, whatever the options say."""
    report = teardown_samples.subject()
    options = {**report.run.options, "cleanups": ["subject"], "agent_exits": ["session-closed", "left-room", "crashed"]}
    assert planned_trials(replace(report, run=replace(report.run, options=options))) == 6


def test_findings_are_told_once_a_kind_with_count_and_cells() -> None:
    text = shown(teardown_samples.full_grid(), 200)
    findings = text.split("\nFindings\n")[1].split("\n\n")[0]
    assert len(re.findall(r"\[cleanup-raised, failure\]", findings)) == 1
    assert "20 trials: 1–6, 11–24" in findings
    assert re.search(r"4 trials: 1–4\n +late-context  session-closed, left-room\n", findings)
    assert re.search(r"trial 34\n +poll-reaper  left-room \(human\)", findings)


def test_where_names_whole_rows_whole_exits_and_single_sides() -> None:
    report = teardown_samples.full_grid()
    grid = grid_of(report)
    assert where(report, grid, [1, 2, 3, 4, 5, 6]) == [("late-context", "all 6 cells")]
    assert where(report, grid, [8, 9, 10, 13]) == [
        ("captured-context", "session-closed (human), left-room"),
        ("optional-context", "session-closed (caller)"),
    ]
    assert where(report, grid, []) == []


def test_the_first_failing_trial_of_each_kind_is_told_and_with_verbose_all() -> None:
    report = teardown_samples.full_grid()
    text = shown(report)
    assert [int(number) for number in re.findall(r"^Trial (\d+) ", text, re.MULTILINE)] == [1, 5, 34]
    assert "18 more failing trials of the kinds above: 2–4, 6, 11–24" in text
    verbose = shown(report, verbose=True)
    told = [int(number) for number in re.findall(r"^Trial (\d+) ", verbose, re.MULTILINE)]
    assert told == [trial.index for trial in failing(report.trials)]
    assert "more failing trial" not in verbose


def test_a_hint_and_its_reference_stand_once() -> None:
    report = teardown_samples.full_grid()
    text = shown(report, 2000, verbose=True)
    for finding in report.findings:
        assert text.count(finding.hint) == 1
        assert not finding.reference or text.count(finding.reference) == 1


def test_each_rooms_way_to_close_is_named() -> None:
    text = shown(teardown_samples.full_grid())
    assert "since 2026-08-21 10:14:19.201 UTC, in it: human-agent-sip, agent-x" in text
    assert "closes when all of them have left, or by `lkdiag sweep --delete`" in text
    assert "closes when sip_+15550100 leaves, or by `lkdiag sweep --delete`" in text
    assert "closes by itself, being empty, or by `lkdiag sweep --delete`" in text


@pytest.mark.parametrize("sample", TEARDOWNS)
def test_a_pipe_gets_plain_text_with_every_trial_and_id(sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    report = TEARDOWNS[sample]()
    text = piped(report)
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.endswith(" ")]
    for trial in report.trials:
        row = [line for line in text.splitlines() if re.match(rf" *{trial.index}  ", line)]
        assert len(row) == 1
        assert trial.room_sid is None or trial.room_sid in row[0]
        assert trial.outcome.value in row[0]


@pytest.mark.parametrize("sample", TEARDOWNS)
def test_colours_read_well_on_light_and_dark_and_say_nothing_alone(sample: str) -> None:
    coloured = shown(TEARDOWNS[sample](), color_system="truecolor", verbose=True, no_color=False)
    codes = {code for found in ESCAPE.findall(coloured) for code in found.split(";")}
    assert codes <= {"", "0", "1", "2", "31", "32", "36"}
    assert ESCAPE.sub("", coloured) == shown(TEARDOWNS[sample](), verbose=True)


def test_a_teardown_trial_has_the_contracts_keys() -> None:
    report = reader.loads(json.render(teardown_samples.full_grid()))
    assert list(report) == [
        "schema",
        "run",
        "environment",
        "verdict",
        "headline",
        "expectation",
        "thresholds",
        "summary",
        "trials",
        "leftover_rooms",
        "findings",
        "health",
        "notes",
    ]
    assert {
        "index",
        "room",
        "room_sid",
        "hangup",
        "agent_exit",
        "cleanup",
        "merge",
        "outcome",
        "closed_ms",
        "survivor",
        "findings",
    } <= set(report["trials"][0])
    assert report["trials"][0]["outcome"] == "leftover"
    assert report["trials"][0]["survivor"]["stranded_ms"] == 8012.4
    assert len(report["summary"]["grid"]) == 36


def test_masking_leaves_a_teardown_report_a_teardown_report() -> None:
    report = teardown_samples.full_grid()
    masked = redact(report)
    assert type(masked) is type(report)
    assert "15550100" not in json.render(masked)
    assert shown(masked).startswith("lkdiag transfer-teardown")


def test_markdown_has_the_grid_and_every_story() -> None:
    report = teardown_samples.full_grid()
    text = markdown.render(document_of(report))
    head = "| cleanup | session-closed, caller hangs up | session-closed, human hangs up |"
    assert head in text
    assert "| poll-reaper | ✓ 1.0 s | ✓ 1.0 s | ✓ 1.0 s | ! 6.1 s | ✓ 1.0 s | ✓ 1.0 s |" in text
    assert text.count("<summary>Trial ") == len(failing(report.trials))
    assert "Left out" not in text
    assert all(trial.room_sid in text for trial in report.trials if trial.room_sid)


def test_company_in_a_leftover_room_is_named() -> None:
    alone = teardown_samples.full_grid().trials[0]
    report = a_teardown((replace(alone, left_in_room=("human-agent-sip", "agent-x")),))
    assert "left in the room: human-agent-sip, agent-x" in shown(report)
    assert "Left in the room: human-agent-sip, agent-x." in markdown.render(document_of(report))
    assert "left in the room" not in shown(a_teardown((alone,)))


def test_a_run_without_trouble_has_neither_findings_nor_stories() -> None:
    text = shown(a_teardown((a_call(1, "captured-context", "left-room", "human"),)))
    assert "Findings" not in text
    assert "Failing" not in text
    assert "left behind" not in text


def test_the_sample_has_every_field() -> None:
    trial = teardown_samples.full_grid().trials[0]
    assert list(reader.loads(json.render(teardown_samples.full_grid()))["trials"][0]) == [
        field.name for field in fields(trial)
    ]


def test_a_room_that_lkdiag_has_deleted_is_not_said_to_be_there() -> None:
    """Rooms that were left over are told with who was in them; nobody is sent to look for them any more."""
    deleted = LeftoverRoom("lkdiag-x-001", "RMdeleted", None, ("somebody",), still_there=False)
    report = replace(teardown_samples.one_cell(), leftover_rooms=(deleted,))
    for text in (piped(report), markdown.render(document_of(report))):
        line = next(line for line in text.splitlines() if "RMdeleted" in line)
        assert "somebody" in line
        assert "lkdiag sweep" not in line
        assert "has deleted it since" in text
