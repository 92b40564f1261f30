"""Parts of a Markdown report that every kind of run has: findings, a trial's story, rooms left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.fitting import Piece
from lkdiag.render.markdown_text import code, code_block, link, prose, table_head, table_row
from lkdiag.render.selection import trials_of
from lkdiag.render.wording import (
    NONE,
    SEVERITY_SYMBOL,
    SWEEP,
    THRESHOLD_SYMBOL,
    closes,
    fate,
    moment,
    more,
    occupants,
    offset,
    trial_numbers,
)
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lkdiag.checks.verdict import Finding
    from lkdiag.report.value import LeftoverRoom, Report, Threshold, TimelineLine


def finding_item(finding: Finding, explained: set[tuple[str, str]], where: Sequence[str] = ()) -> str:
    """A list's item: title, fact, hint, reference and page (unless `explained` has them already), trials, `where`.

    `where` are lines of Markdown.
    """
    text = f"- {SEVERITY_SYMBOL[finding.severity]} **{prose(finding.title)}** ({code(finding.check)})\n"
    explanation = (prose(finding.hint), f"See {link(finding.reference)}" if finding.reference else "")
    if explanation in explained:
        explanation = ("", "")
    explained.add(explanation)
    page = ("more", finding.check)
    told = "" if page in explained else f"More: {code(more([finding.check]))}"
    explained.add(page)
    about = ""
    if finding.trials:
        about = f"Trial{'s' if len(finding.trials) > 1 else ''} {trial_numbers(finding.trials)}."
    for line in (prose(finding.fact), *explanation, told, about, *where):
        text += f"  {line}\\\n" if line else ""
    return text.removesuffix("\\\n").removesuffix("\n") + "\n"


def story_piece(summary: str, opening: str, findings: str, timeline: Sequence[TimelineLine], *, first: bool) -> Piece:
    """A trial's block to unfold; shorter without its timeline. All but the timeline is Markdown already."""
    head = "\n### Failing trials\n" if first else ""
    head += f"\n<details><summary>{summary}</summary>\n\n{opening}\n\n{findings}"
    end = "\n</details>\n"
    if not timeline:
        return Piece((f"{head}{end}", f"{head}{end}", ""), "story")
    width = max(len(line.lane) for line in timeline)
    story = code_block(f"{offset(line.offset_ms):>10}  {line.lane:<{width}}  {line.text}" for line in timeline)
    return Piece((f"{head}\n{story}{end}", f"{head}{end}", ""), "story")


def thresholds(judged: Sequence[Threshold]) -> Iterator[Piece]:
    """The user's own, an item each."""
    for number, threshold in enumerate(judged):
        head = "" if number else "\n### Thresholds\n\n"
        yield Piece((f"{head}- {THRESHOLD_SYMBOL[threshold.ok]} {prose(threshold.told)}\n", ""), "detail")


def logs(report: Report) -> Iterator[str]:
    """Where the logs are, each a line of Markdown."""
    run_id = report.run.id
    if any(line.lane == "log" for trial in trials_of(report) for line in trial.timeline):
        yield "What the worker logged stands in the timelines of the failing trials, in the lane `log`.\n"
    elif isinstance(report.run.options.get("agent_name"), str):
        again = code(f"lkdiag report {run_id} --format markdown --worker-log FILE")
        yield f"The worker's log was not given. {again} joins it by job and room, and puts it into the timelines.\n"
    elif isinstance(report, WatchReport):
        yield f"A worker's log was not given. {code(f'lkdiag report {run_id} --worker-log FILE')} joins it.\n"
    else:
        yield "The worker is lkdiag's own: what it did is in the journal, and in the timelines of failing trials.\n"
    server = ", the log of the private livekit-server" if "--local" in report.run.command else ""
    bundle = code(f"lkdiag bundle {run_id}")
    yield f"Everything that was seen{server} and the reports, as one file to attach: {bundle}\n"


def leftovers(rooms: Sequence[LeftoverRoom]) -> Iterator[Piece]:
    """The rooms that the run left behind, as a table."""
    headers = [(text, False) for text in ("room", "room SID", "created (UTC)", "in it", "closes")]
    for number, room in enumerate(rooms):
        head = "" if number else f"\n### Rooms left behind\n\n{table_head(headers)}"
        created = moment(room.created_at) if room.created_at else NONE
        ways = f"{prose(closes(room))}, or by {code(SWEEP)}" if room.still_there else "lkdiag has deleted it since"
        ways = prose(fate(room) or "") or ways
        row = table_row([prose(room.name), prose(room.sid or NONE), created, prose(occupants(room)), ways])
        yield Piece((head + row, ""), "leftover")
