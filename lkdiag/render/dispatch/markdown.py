"""What a dispatch report shows as Markdown: its paragraph, figures, trials and stories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.dispatch import columns, diagnosis
from lkdiag.render.dispatch.figures import QUANTILES, groups, measured_from, measures, tallies
from lkdiag.render.fitting import Piece
from lkdiag.render.many import row_pieces, story_pieces
from lkdiag.render.markdown_parts import finding_item, story_piece
from lkdiag.render.markdown_text import code, link, prose, table_head, table_row
from lkdiag.render.selection import is_failing
from lkdiag.render.wording import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.report.value import DispatchReport, TrialReport


def figures(report: DispatchReport) -> Iterator[Piece]:
    """Outcomes and quantiles."""
    if not report.trials:
        return
    names = tuple(groups(report))
    text = "\n### Figures\n\n" + table_head([("", False), *((name, False) for name in names)])
    text += "".join(table_row([row.label, *row.texts]) for row in tallies(report))
    with_group = len(names) > 1
    text += f"\n{measured_from(report)}:\n\n"
    group_head = [("", False)] if with_group else []
    text += table_head([("", False), *group_head, *((name, True) for name in QUANTILES)])
    for row in measures(report):
        text += table_row([prose(row.label), *([row.group] if with_group else []), *row.texts])
    yield Piece((text,))


def findings(report: DispatchReport) -> Iterator[str]:
    """Each an item of a list."""
    for finding in report.findings:
        yield finding_item(finding, set())


def trials(report: DispatchReport) -> Iterator[Piece]:
    """The table with every id, and what its columns mean."""
    index, *verdicts = columns.verdict_columns(report)
    shown = (index, columns.STARTED, *verdicts, columns.ROOM, *columns.id_columns(report), columns.PARTICIPANTS)
    yield Piece((table_head([(column.header, column.right) for column in shown]),))
    yield from row_pieces(report.trials, lambda trial: table_row([prose(column.cell(trial)) for column in shown]))
    meanings = "".join(f"- {column.header}: {column.meaning}\n" for column in shown[1:])
    yield Piece((f"\n<details><summary>What the columns mean</summary>\n\n{meanings}\n</details>\n",))


def stories(report: DispatchReport) -> Iterator[Piece]:
    """The failing trials. A hint is given once."""
    told = (trial for trial in report.trials if is_failing(trial) and (trial.findings or trial.timeline))
    explained: set[tuple[str, str]] = set()
    diagnosed: diagnosis.Told = set()

    def made(trial: TrialReport, number: int) -> Piece:
        opening = f"Room {code(trial.room)}, began {moment(trial.started_at)} UTC"
        opening += f", agent {code(trial.agent_identity)}." if trial.agent_identity else "."
        items = "".join(finding_item(finding, explained) for finding in trial.findings)
        items += _diagnosis(trial, diagnosed)
        return story_piece(f"Trial {_name(trial)}", opening, items, trial.timeline, first=number == 0)

    return story_pieces(told, made)


def _diagnosis(trial: TrialReport, diagnosed: diagnosis.Told) -> str:
    """A list's item with the causes, and what stands for, against and behind them."""
    head, *rest = diagnosis.rows(trial, diagnosed) or [("", ())]
    if not head[1]:
        return ""
    lines = [f"- **{head[0].capitalize()}: {prose(head[1][0])}**"]
    for label, texts in rest:
        lines += [f"  {label}: {link(text) if label == 'see' else prose(text)}" for text in texts]
    return "\\\n".join(lines) + "\n"


def _name(trial: TrialReport) -> str:
    role = " (control)" if trial.role == "control" else ""
    mismatch = f", {trial.mismatch}" if trial.mismatch else ""
    return f"{trial.index}{role}: {columns.OUTCOME.cell(trial)}, state {trial.state}{mismatch}"
