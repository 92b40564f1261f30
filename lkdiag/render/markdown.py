"""The report as GitHub-flavoured Markdown that can be pasted into an issue as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Outcome
from lkdiag.render import columns, environment
from lkdiag.render.figures import MEASURED_FROM, QUANTILES, groups, measures, tallies
from lkdiag.render.fitting import Piece, Step, fit
from lkdiag.render.markdown_text import code, code_block, link, prose, table_head, table_row
from lkdiag.render.selection import is_failing
from lkdiag.render.wording import (
    NONE,
    SEVERITY_SYMBOL,
    VERDICT_SYMBOL,
    duration,
    moment,
    offset,
    period,
    plural,
    rate,
    tally,
    trial_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.checks.verdict import Finding
    from lkdiag.report.value import LeftoverRoom, Report, TrialReport

LONGEST_ISSUE = 65_536
"""Characters, at which GitHub cuts the body of an issue."""
_ROOM_FOR_NOTICE = 700

_STEPS = (
    Step("passing", "the rows of the {count} trials without a finding", at_once=True),
    Step("story", "the timelines of {count} failing trials"),
    Step("story", "the findings of {count} failing trials"),
    Step("leftover", "{count} rooms left behind"),
    Step("failing", "the rows of {count} failing trials"),
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
    yield Piece((_opening(report),))
    yield from _environment(report)
    yield Piece((_figures(report),))
    yield from _findings(report)
    yield from _trials(report)
    yield from _stories(report)
    yield from _leftovers(report.leftover_rooms)
    for number, note in enumerate(report.notes):
        head = "" if number else "\n### About the record\n\n"
        yield Piece((f"{head}- {prose(note)}\n", ""), "detail")
    forms = (code_block([report.run.command], "sh", clipped=clipped) for clipped in (False, True))
    yield Piece(tuple(f"\n### Run it again\n\n{form}" for form in forms), "command")


def _opening(report: Report) -> str:
    verdict = f"{VERDICT_SYMBOL[report.verdict]} {report.verdict.value.upper()}"
    return (
        f"## {prose(f'lkdiag {report.run.scenario}')}: {verdict}\n\n"
        f"**{prose(report.headline)}**\n\n{_paragraph(report)}\n"
    )


def _paragraph(report: Report) -> str:
    """The run in plain words."""
    run, summary = report.run, report.summary
    method = f" by {code(environment.methods(report))}" if environment.methods(report) else ""
    sentences = [
        f"Run {code(run.id)} of lkdiag {prose(run.lkdiag_version)}, {period(run.started_at, run.finished_at)}: "
        f"{plural(summary.trials, 'trial')} of {code(report.environment.subject)}{method}, a room for each."
    ]
    if summary.trials:
        sentences.append(f"Outcomes: {tally(summary.outcomes)}. Lost: {rate(summary.lost_rate)}.")
    latency = summary.latency_ms
    if latency.count:
        sentences.append(
            f"Where the agent came, half came within {duration(latency.p50)} of the room's creation, "
            f"95 % within {duration(latency.p95)}, the last after {duration(latency.max)}."
        )
    dropped = summary.outcomes.get(Outcome.DROPPED, 0)
    if summary.rescued:
        sentences.append(f"A second dispatch brought the agent in {summary.rescued} of {dropped} dropped trials.")
    if report.control is not None:
        sentences.append(f"Of lkdiag's own worker beside it: lost {rate(report.control.lost_rate)}.")
    if report.warmup:
        sentences.append(f"Before that, {plural(len(report.warmup), 'warm-up trial')}, not counted.")
    if run.interrupted:
        sentences.append("The run was interrupted.")
    if run.aborted:
        sentences.append(f"lkdiag gave the run up: {prose(run.aborted)}.")
    return " ".join(sentences)


def _environment(report: Report) -> Iterator[Piece]:
    yield Piece((f"\n### Environment\n\n{table_head([('', False), ('', False)])}",))
    for label, text in (*environment.identity_rows(report), *environment.client_rows(report)):
        yield Piece((table_row([label, prose(text)]), ""), "detail")
    options = ", ".join(f"{name} = {value}" for name, value in environment.option_rows(report))
    if options:
        yield Piece((table_row(["options", prose(options)]), ""), "detail")


def _figures(report: Report) -> str:
    if not report.trials:
        return ""
    names = tuple(groups(report))
    text = "\n### Figures\n\n" + table_head([("", False), *((name, False) for name in names)])
    text += "".join(table_row([row.label, *row.texts]) for row in tallies(report))
    with_group = len(names) > 1
    text += f"\n{MEASURED_FROM}:\n\n"
    group_head = [("", False)] if with_group else []
    text += table_head([("", False), *group_head, *((name, True) for name in QUANTILES)])
    for row in measures(report):
        text += table_row([prose(row.label), *([row.group] if with_group else []), *row.texts])
    return text


def _findings(report: Report) -> Iterator[Piece]:
    for number, finding in enumerate(report.findings):
        head = "" if number else "\n### Findings\n\n"
        yield Piece((head + _finding(finding, set()), ""), "finding")


def _finding(finding: Finding, explained: set[tuple[str, str]]) -> str:
    """Title, fact, hint and reference, the last two unless `explained` has them already."""
    text = f"- {SEVERITY_SYMBOL[finding.severity]} **{prose(finding.title)}** ({code(finding.check)})\n"
    explanation = (prose(finding.hint), f"See {link(finding.reference)}" if finding.reference else "")
    if explanation in explained:
        explanation = ("", "")
    explained.add(explanation)
    about = ""
    if finding.trials:
        about = f"Trial{'s' if len(finding.trials) > 1 else ''} {trial_numbers(finding.trials)}."
    for line in (prose(finding.fact), *explanation, about):
        text += f"  {line}\\\n" if line else ""
    return text.removesuffix("\\\n").removesuffix("\n") + "\n"


def _trials(report: Report) -> Iterator[Piece]:
    if not report.trials:
        yield Piece(("\nNo trial was finished.\n",))
        return
    index, *verdicts = columns.verdict_columns(report)
    shown = (index, columns.STARTED, *verdicts, columns.ROOM, *columns.id_columns(report))
    head = table_head([(column.header, column.right) for column in shown])
    yield Piece((f"\n### Trials\n\n{head}",))
    for trial in report.trials:
        row = table_row([prose(column.cell(trial)) for column in shown])
        yield Piece((row, ""), "failing" if is_failing(trial) else "passing")
    meanings = "".join(f"- {column.header}: {column.meaning}\n" for column in shown[1:])
    yield Piece((f"\n<details><summary>What the columns mean</summary>\n\n{meanings}\n</details>\n",))


def _stories(report: Report) -> Iterator[Piece]:
    told = [trial for trial in report.trials if is_failing(trial) and (trial.findings or trial.timeline)]
    explained: set[tuple[str, str]] = set()
    for number, trial in enumerate(told):
        head = "" if number else "\n### Failing trials\n"
        head += f"\n<details><summary>Trial {_name(trial)}</summary>\n\n"
        head += f"Room {code(trial.room)}, began {moment(trial.started_at)} UTC"
        head += f", agent {code(trial.agent_identity)}" if trial.agent_identity else ""
        head += ".\n\n" + "".join(_finding(finding, explained) for finding in trial.findings)
        end = "\n</details>\n"
        if trial.timeline:
            width = max(len(line.lane) for line in trial.timeline)
            story = code_block(
                f"{offset(line.offset_ms):>10}  {line.lane:<{width}}  {line.text}" for line in trial.timeline
            )
            yield Piece((f"{head}\n{story}{end}", f"{head}{end}", ""), "story")
        else:
            yield Piece((f"{head}{end}", f"{head}{end}", ""), "story")


def _name(trial: TrialReport) -> str:
    role = " (control)" if trial.role == "control" else ""
    mismatch = f", {trial.mismatch}" if trial.mismatch else ""
    return f"{trial.index}{role}: {columns.OUTCOME.cell(trial)}, state {trial.state}{mismatch}"


def _leftovers(rooms: tuple[LeftoverRoom, ...]) -> Iterator[Piece]:
    headers = [("room", False), ("room SID", False), ("created (UTC)", False), ("in it", False)]
    for number, room in enumerate(rooms):
        head = "" if number else f"\n### Rooms left behind\n\n{table_head(headers)}"
        created = moment(room.created_at) if room.created_at else NONE
        who = ", ".join(room.participants) or "nobody"
        row = table_row([prose(room.name), prose(room.sid), created, prose(who)])
        yield Piece((head + row, ""), "leftover")
