"""What a dispatch report shows on the page: its figures and charts, the trials, and the stories of the failing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.dispatch import columns, diagnosis
from lkdiag.render.dispatch.figures import QUANTILES, groups, measured_from, measures, tallies
from lkdiag.render.fitting import Piece
from lkdiag.render.html.distribution import distribution, latency_scale
from lkdiag.render.html.interval import interval
from lkdiag.render.html.markup import around_hole, element, written
from lkdiag.render.html.over_time import over_time, symbols
from lkdiag.render.html.parts import cards, finding_item, link, meanings, section, story_piece
from lkdiag.render.html.tables import open_table, pairs, row, table
from lkdiag.render.many import row_pieces, story_pieces
from lkdiag.render.selection import first_of_each_kind, is_failing
from lkdiag.render.wording import duration, moment, plural, rate, tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from lkdiag.render.dispatch.columns import Trials
    from lkdiag.render.html.markup import Child
    from lkdiag.render.html.tables import Header
    from lkdiag.report.value import DispatchReport, TrialReport

MOST_POINTS = 5_000
"""A mark is some 200 bytes: with more of them the page would be too large for anything else."""
OPENED = 3
"""So many stories of different kinds are unfolded from the start."""


def figures(report: DispatchReport) -> Iterator[Piece]:
    """The cards, the rate of loss with its interval, the tables, then the charts."""
    if not report.trials:
        return
    names = tuple(groups(report))
    summary = report.summary
    latency = summary.latency_ms
    lost = summary.lost_rate
    top = cards(
        [
            ("trials", str(summary.trials), tally(summary.outcomes)),
            ("lost", f"{lost.count} of {lost.of}", rate(lost).partition(" = ")[2]),
            ("median latency", duration(latency.p50), f"of {latency.count} that came" if latency.count else ""),
            ("95 % within", duration(latency.p95), ""),
            ("slowest", duration(latency.max), ""),
        ]
    )
    tally_headers = [("", False), *((name, False) for name in names)]
    tally_rows = [[line.label, *line.texts] for line in tallies(report)]
    with_group = len(names) > 1
    headers: list[Header] = [("", False), *([("group", False)] if with_group else []), *((q, True) for q in QUANTILES)]
    measure_rows = [[line.label, *([line.group] if with_group else []), *line.texts] for line in measures(report)]
    found = section(
        "figures",
        "Figures",
        top,
        interval(groups(report)),
        table("Outcomes", tally_headers, tally_rows, name="Outcomes, table"),
        table(f"Latency and its stages. {measured_from(report)}.", headers, measure_rows, name="Latency, table"),
    )
    yield Piece((f"{written(found)}\n",))
    scale = latency_scale(report)
    charts = [] if scale is None else list(distribution(report, scale))
    before, after = around_hole(section("charts", "Latency", element("div", element("hole"), class_="charts")))
    yield Piece((before + written(symbols()) + "".join(map(written, charts)),))
    many = len(report.trials) > MOST_POINTS
    yield Piece(("",), "points", unmade=1) if many else Piece((written(over_time(report, scale)), ""), "points")
    yield Piece((f"{after}\n",))


def findings(report: DispatchReport) -> Iterator[Element]:
    """Each an item of a list."""
    for finding in report.findings:
        yield finding_item(finding)


def trials(report: DispatchReport) -> Iterator[Piece]:
    """The table with every id, what its columns mean, and the trials that were for warming up."""
    shown = _columns(report)
    headers = [(column.header, column.right) for column in shown]
    legend = meanings((column.header, column.meaning) for column in shown)
    body = section(
        "trials", "Trials", open_table("Every trial and its ids; times in UTC", headers, name="Trials, table"), legend
    )
    before, after = around_hole(body)
    yield Piece((before,))
    yield from row_pieces(report.trials, lambda trial: written(_row(trial, shown, headers)))
    yield Piece((f"{after}\n",))
    if report.warmup:
        counted = plural(len(report.warmup), "warm-up trial")
        rows = [[column.cell(trial) for column in shown] for trial in report.warmup]
        block = table("For warming up: in no figure and no verdict", headers, rows, name="Warm-up trials, table")
        yield Piece(
            (written(element("details", element("summary", f"{counted}, not counted"), block)) + "\n", ""), "detail"
        )


def _columns(report: DispatchReport) -> tuple[Trials, ...]:
    index, *verdicts = columns.verdict_columns(report)
    return (index, *verdicts, columns.STARTED, columns.ROOM, *columns.id_columns(report), columns.PARTICIPANTS)


def _row(trial: TrialReport, shown: Sequence[Trials], headers: Sequence[Header]) -> Element:
    cells: list[Child] = []
    for column in shown:
        text = column.cell(trial)
        if column is columns.OUTCOME:
            cells.append(element("span", text, class_=f"outcome {trial.outcome}"))
        elif column in (columns.MISMATCH,) and trial.mismatch:
            cells.append(element("span", text, class_="bad"))
        else:
            cells.append(text)
    head = element("a", str(trial.index), href=f"#trial-{trial.index}") if _told(trial) else None
    return row(headers, cells, kind="failing" if is_failing(trial) else None, head=head)


def _told(trial: TrialReport) -> bool:
    return is_failing(trial) and bool(trial.findings or trial.timeline)


def stories(report: DispatchReport) -> Iterator[Piece]:
    """The failing trials, each with all that is to be said of it, as they are unfolded one at a time."""
    opened = {trial.index for trial in first_of_each_kind(filter(_told, report.trials))[:OPENED]}

    def made(trial: TrialReport, _: int) -> Piece:
        role = " (control)" if trial.role == "control" else ""
        mismatch = f", {trial.mismatch}" if trial.mismatch else ""
        outcome = element("span", columns.OUTCOME.cell(trial), class_=f"outcome {trial.outcome}")
        summary = element("span", f"Trial {trial.index}{role}: ", outcome, f", state {trial.state}{mismatch}")
        opening = element("span", "Room ", element("code", trial.room), f", began {moment(trial.started_at)} UTC")
        if trial.agent_identity:
            opening.append(element("span", ", agent ", element("code", trial.agent_identity)))
        about = [element("ul", *(finding_item(finding) for finding in trial.findings), class_="findings")]
        about += _diagnosis(trial)
        return story_piece(
            trial.index,
            summary,
            opening,
            about if trial.findings else about[1:],
            trial.timeline,
            opened=trial.index in opened,
        )

    return story_pieces(filter(_told, report.trials), made)


def _diagnosis(trial: TrialReport) -> list[Element]:
    """The causes, and what stands for, against and behind them."""
    rows: list[tuple[str, Child]] = []
    for label, texts in diagnosis.rows(trial, set()):
        shown: list[Child] = [link(text) if label == "see" else text for text in texts]
        if len(shown) == 1:
            rows.append((label, shown[0]))
        else:
            rows.append((label, element("ul", *(element("li", item) for item in shown))))
    return [element("div", element("h4", "Diagnosis"), pairs(rows), class_="diagnosis")] if rows else []
