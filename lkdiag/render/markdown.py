"""The report as GitHub-flavoured Markdown that can be pasted into an issue as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render import environment
from lkdiag.render.dispatch import markdown as dispatch
from lkdiag.render.dispatch.sentences import sentences as dispatch_sentences
from lkdiag.render.fitting import Piece, Step, fit
from lkdiag.render.health import advice
from lkdiag.render.markdown_example import example
from lkdiag.render.markdown_parts import leftovers, logs, thresholds
from lkdiag.render.markdown_text import code, code_block, prose, table_head, table_row
from lkdiag.render.teardown import markdown as teardown
from lkdiag.render.teardown.sentences import sentences as teardown_sentences
from lkdiag.render.watch import markdown as watch
from lkdiag.render.wording import VERDICT_SYMBOL, period
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lkdiag.report.value import Report

LONGEST_ISSUE = 65_536
"""Characters, at which GitHub cuts the body of an issue."""
_ROOM_FOR_NOTICE = 700

_STEPS = (
    Step("passing", "the rows of the {count} trials without a finding", at_once=True),
    Step("story", "the timelines of {count} failing trials"),
    Step("story", "the findings of {count} failing trials"),
    Step("leftover", "{count} rooms left behind"),
    Step("failing", "the rows of {count} failing trials"),
    Step("example", "the smallest example"),
    Step("finding", "{count} findings about the run"),
    Step("detail", "{count} lines about the environment or the record"),
    Step("command", "the end of the command"),
)


def render(report: Report) -> str:
    """At most 65,536 characters. What had to be left out to get there is said near the top."""
    pieces = list(_pieces(report))
    text, left_out = fit(pieces, _STEPS, LONGEST_ISSUE - _ROOM_FOR_NOTICE)
    title, _, rest = text.partition("\n")
    notice = ""
    if left_out:
        notice = f"\n> Left out, to fit an issue: {'; '.join(left_out)}. `--format json` has everything.\n"
    return f"{title}\n{notice}{rest}"


def _pieces(report: Report) -> Iterator[Piece]:
    if isinstance(report, DispatchReport):
        yield from _assembled(
            report,
            dispatch_sentences(report, code, prose),
            dispatch.figures(report),
            dispatch.findings(report),
            (dispatch.trials(report), dispatch.stories(report)) if report.trials else (),
            watch.calls(report) if isinstance(report, WatchReport) else (),
        )
    elif isinstance(report, TeardownReport):
        yield from _assembled(
            report,
            teardown_sentences(report, prose),
            teardown.figures(report),
            teardown.findings(report),
            (teardown.trials(report), teardown.stories(report)) if report.trials else (),
        )


def _assembled(
    report: Report,
    sentences: Iterable[str],
    figures: Iterable[Piece],
    findings: Iterable[str],
    trials: Iterable[Iterable[Piece]],
    calls: Iterable[Piece] = (),
) -> Iterator[Piece]:
    """What every kind of run shows, around what this kind has to show."""
    yield Piece((_opening(report, sentences),))
    yield from _environment(report)
    yield from thresholds(report.thresholds)
    yield from figures
    for number, item in enumerate(findings):
        yield Piece((("" if number else "\n### Findings\n\n") + item, ""), "finding")
    yield from calls
    tables = list(trials)
    yield Piece(("\n### Trials\n\n" if tables else "\nNo trial was finished.\n",))
    for pieces in tables:
        yield from pieces
    yield from leftovers(report.leftover_rooms)
    for number, note in enumerate(report.notes):
        head = "" if number else "\n### About the record\n\n"
        yield Piece((f"{head}- {prose(note)}\n", ""), "detail")
    yield Piece((f"\n### Logs\n\n{''.join(f'- {line}' for line in logs(report))}", ""), "detail")
    yield from example(report)
    forms = (code_block([report.run.command], "sh", clipped=clipped) for clipped in (False, True))
    yield Piece(tuple(f"\n### Run it again\n\n{form}" for form in forms), "command")


def _opening(report: Report, sentences: Iterable[str]) -> str:
    run = report.run
    verdict = f"{VERDICT_SYMBOL[report.verdict]} {report.verdict.value.upper()}"
    paragraph = " ".join(sentences)
    if run.interrupted:
        paragraph += " The run was interrupted."
    if run.aborted:
        paragraph += f" lkdiag gave the run up: {prose(run.aborted)}."
    if report.expectation is not None:
        paragraph += f" {prose(report.expectation.told)}"
    if advice(report):
        paragraph += f" {prose(advice(report))}"
    return (
        f"## {prose(f'lkdiag {run.scenario}')}: {verdict}\n\n**{prose(report.headline)}**\n\n"
        f"Run {code(run.id)} of lkdiag {prose(run.lkdiag_version)}, {period(run.started_at, run.finished_at)}: "
        f"{paragraph}\n"
    )


def _environment(report: Report) -> Iterator[Piece]:
    yield Piece((f"\n### Environment\n\n{table_head([('', False), ('', False)])}",))
    for label, text in (*environment.identity_rows(report), *environment.client_rows(report)):
        yield Piece((table_row([label, prose(text)]), ""), "detail")
    options = " · ".join(f"{name} {value}" for name, value in environment.option_rows(report))
    if options:
        yield Piece((table_row(["options", prose(options)]), ""), "detail")
