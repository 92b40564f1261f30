"""A document for the user's terminal, or as plain text for a pipe: the story first, the verdict last."""

from __future__ import annotations

import io
import shlex
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from lkdiag.contract import Severity, Verdict
from lkdiag.document import blocks
from lkdiag.document.blocks import Part, Tone
from lkdiag.document.selection import Said, told_briefly
from lkdiag.document.wording import (
    SEVERITY_SYMBOL,
    SWEEP,
    THRESHOLD_SYMBOL,
    VERDICT_SYMBOL,
    closes,
    duration,
    fate,
    moment,
    occupants,
    offset,
    plural,
    trial_numbers,
)
from lkdiag.render.terminal_table import (
    COLOUR,
    Trimmed,
    facts,
    grid_table,
    indented,
    labelled,
    plain,
    style,
    styled,
    tables,
)
from lkdiag.stats import histogram
from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, TextIO

    from rich.console import RenderableType

    from lkdiag.document.blocks import Block, Document, Section, Story
    from lkdiag.judge.finding import Finding
    from lkdiag.report.value import LeftoverRoom, Threshold, TimelineLine

PIPE_CELLS = 10_000
"""Wide enough that nothing is wrapped or cut where there is no terminal."""
SHOWN = frozenset(Part) - {Part.OVERVIEW_STORIES, Part.LOGS, Part.EXAMPLE}
BAR_CELLS = 40
"""The longest bar."""
HISTOGRAM_FROM = 5
"""With fewer values than that, the table of them says it all."""

TITLE_CELLS = 18
"""The longest title of a check; checks are written one by one, so that it can't be measured."""

THRESHOLD_STYLE = {True: "green", False: "bold red", None: "bold cyan"}
VERDICT_STYLE = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "bold cyan"}
SEVERITY_STYLE = {Severity.FAIL: "bold red", Severity.INCONCLUSIVE: "bold cyan", Severity.NOTE: "dim"}

Parts = list["RenderableType"]


def make_console(file: TextIO, *, is_terminal: bool) -> Console:
    """A console that takes no text for markup. For a terminal its width, and colours unless NO_COLOR says no.

    A stream whose encoding lacks a character gets an escape instead of raising UnicodeEncodeError.
    """
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="backslashreplace")
    return Console(
        file=file,
        force_terminal=is_terminal,
        width=None if is_terminal else PIPE_CELLS,
        markup=False,
        emoji=False,
        highlight=False,
    )


def render(document: Document, console: Console, *, verbose: bool = False) -> None:
    """Write the whole report. What a terminal leaves out for lack of room, `verbose` and a pipe get."""
    body = _Body(console.width, verbose=verbose, complete=verbose or not console.is_terminal)
    lines = _head(document, verbose=verbose)
    for section in document.sections:
        for title, shown in body.titled(section):
            lines += ["", Text(title, "bold cyan"), *shown]
    console.print(Trimmed(Group(*lines, "", *_verdict(document, console.width))))


def write(shown: Iterable[Block], console: Console) -> None:
    """Write blocks that are no document, one after the other: as a list goes on, it can be read."""
    body = _Body(console.width, verbose=False, complete=not console.is_terminal)
    for block in shown:
        parts = body.show(block)
        if parts:
            console.print(Trimmed(Group(*parts)))


def _head(document: Document, *, verbose: bool) -> Parts:
    title = Text.assemble((visible(document.title), "bold"), "  ", (visible(f"run {document.run_id}"), ""))
    shown = (document.identity, document.client, document.options) if verbose else (document.identity,)
    return [title, facts(blocks.Facts([row for one in shown for row in one.rows]))]


def _verdict(document: Document, width: int) -> Parts:
    verdict = f"{VERDICT_SYMBOL[document.verdict]} {document.verdict.value.upper()}"
    again = "\n".join(_command_lines(visible(document.command), width - 7))
    return [
        *(plain(text, "bold") for text in document.ended),
        Text.assemble((verdict, VERDICT_STYLE[document.verdict]), "  ", plain(document.headline, "bold")),
        *(plain(text) for text in document.expected),
        *(_threshold(threshold) for threshold in document.thresholds),
        labelled([("again", Text(again))]),
    ]


def _threshold(threshold: Threshold) -> RenderableType:
    return plain(f"{THRESHOLD_SYMBOL[threshold.ok]} {threshold.told}", THRESHOLD_STYLE[threshold.ok])


def _command_lines(command: str, width: int) -> list[str]:
    """The command on as few lines as fit, continued by backslashes so that it can still be pasted."""
    if len(command) <= width:
        return [command]
    try:
        words = [shlex.quote(word) for word in shlex.split(command)]
    except ValueError:
        return [command]
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) + 2 <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


# -- blocks -------------------------------------------------------------------------------------------------------


class _Body:
    """Shows one section after another, and remembers which findings it has shown in full."""

    def __init__(self, width: int, *, verbose: bool, complete: bool) -> None:
        self.width = width
        self.verbose = verbose
        self.complete = complete
        self.kinds: set[Kind] = set()
        self.facts: list[str] = []
        self.told: tuple[tuple[Any, ...], list[int]] = ((), [])

    def titled(self, section: Section) -> Iterator[tuple[str, Parts]]:
        """Title and body; a block that has a heading of its own goes under that. What is empty is not shown."""
        if section.part not in SHOWN:
            return
        title, found = section.title, Parts()
        for block in section.blocks:
            heading = self._heading(block)
            if heading:
                if found:
                    yield title, found
                title, found = heading, Parts()
            found += self.show(block)
        if found:
            yield title, found
        for block in section.blocks:
            if isinstance(block, blocks.Table) and block.legend and block.rows and self.verbose:
                shown = [(one.header, one.meaning) for one in block.columns if not one.on_pages_only]
                yield "Columns", [indented(labelled(shown))]

    def _heading(self, block: Block) -> str:
        if isinstance(block, blocks.Table) and block.heading:
            about = f"  {block.about[0].lower()}{block.about[1:]}" if block.about else ""
            return f"{block.heading}{about}"
        if isinstance(block, blocks.Timings):
            return block.title
        if isinstance(block, blocks.Stories):
            self.told = told_briefly(block, verbose=self.verbose)
            return "" if all(map(block.fails, self.told[0])) else "Trials with findings"
        return ""

    def show(self, block: Block) -> Parts:
        """What stands for the block; nothing where a terminal does not show its kind."""
        match block:
            case blocks.Table():
                return tables(block, self.width, complete=self.complete)
            case blocks.Aside():
                return [plain(block.line, "dim")]
            case blocks.Paragraph():
                return [indented(styled(block.text), block.indent) if block.indent else styled(block.text)]
            case blocks.Heading():
                return [plain(block.text, "bold cyan")]
            case blocks.Marked():
                return [marked(block.mark.text, styled((block.text,)), style(block.mark))]
            case blocks.Warnings():
                return [indented(labelled([("!", plain(line, COLOUR[Tone.CAUTION]))])) for line in block.lines]
            case blocks.CheckLine():
                return _check(block)
            case blocks.Facts():
                return [facts(block)]
            case blocks.Items():
                return [indented(styled(line)) for line in block.lines]
            case blocks.Grid():
                return grid_table(block, self.width)
            case blocks.Legend():
                rows = [*block.rows, ("", ""), *block.marks, ("", ""), *block.figures]
                return ["", indented(labelled(rows))]
            case blocks.Timings():
                return _bars(block, self.width - 2)
            case blocks.Findings():
                return self._findings(block)
            case blocks.Stories():
                return self._stories(block)
            case blocks.Leftovers():
                return _leftovers(block.rooms)
        return []

    def _findings(self, block: blocks.Findings) -> Parts:
        """Of those that stand above in full, only the count."""
        found = Parts()
        said = Said() if block.explained_once else None
        for one in block.found:
            finding = one.finding
            if kind_of(finding) in self.kinds:
                found.append(indented(_title_line(finding, _counted(finding))))
                continue
            found += [indented(part) for part in _finding(finding, said)]
            if finding.trials:
                found.append(indented(plain(_counted(finding), "dim"), 4))
                if one.where:
                    found.append(indented(labelled(one.where), 6))
        self.kinds |= {kind_of(one.finding) for one in block.found}
        self.facts += [one.finding.fact for one in block.found]
        return found

    def _stories(self, block: blocks.Stories[Any]) -> Parts:
        """The stories that are shown, and a line about the rest. Each hint is shown once."""
        told, others = self.told
        stories = [block.story(row) for row in told]
        found = Parts()
        said, already = Said(), set[tuple[str, ...]]()
        for story in stories:
            found += [*([""] if found else []), *self._story(story, said, already)]
        self.kinds |= {kind_of(finding) for story in stories for finding in story.findings}
        if others:
            more = f"{plural(len(others), 'more failing trial')} of the kinds above: {trial_numbers(others)}"
            where = "Their stories: --verbose, --format markdown or --format json"
            found += ["", plain(more, "bold"), plain(where, "dim")]
        return found

    def _story(self, story: Story, said: Said, already: set[tuple[str, ...]]) -> Parts:
        """What the findings above have said is not said again."""
        heading = Text.assemble((visible(story.title), "bold"), "  ", styled((story.mark,)), styled(story.about))
        found: Parts = [heading, *(indented(plain(line, "dim")) for line in story.brief)]
        for finding in story.findings:
            if kind_of(finding) not in self.kinds:
                found += [indented(part) for part in _finding(finding, said)]
                continue
            found.append(indented(_title_line(finding)))
            if finding.fact and not any(finding.fact in fact for fact in self.facts):
                found.append(indented(plain(finding.fact), 4))
        if story.diagnosis is not None:
            rows = story.diagnosis.told(already)
            if rows:
                found.append(indented(labelled((label, text) for label, texts in rows for text in texts), 4))
        if story.timeline:
            found.append(indented(_timeline(story.timeline)))
        return found


Kind = tuple[str, str]
"""A finding's slug and title: findings that share both are of one kind."""


def kind_of(finding: Finding) -> Kind:
    """What makes it the same finding in another trial."""
    return finding.check, finding.title


def _finding(finding: Finding, said: Said | None) -> Parts:
    """Title, fact, hint, reference and page; of the last three only what is not `said` yet."""
    found: Parts = [_title_line(finding)]
    if finding.fact:
        found.append(indented(plain(finding.fact)))
    hint, reference, more = (said or Said()).new(finding)
    for mark, text in (("→", hint), ("see", reference), ("more:", more)):
        if text:
            found.append(indented(marked(mark, plain(text))))
    return found


def _title_line(finding: Finding, about: str = "") -> RenderableType:
    """Symbol, title, slug and weight, and what `about` adds to them."""
    title = plain(finding.title, "bold")
    weight = "failure" if finding.severity is Severity.FAIL else finding.severity.value
    title.append_text(plain(f"  [{finding.check}, {weight}]", "not bold dim"))
    if about:
        title.append_text(plain(f"  {about}", "not bold"))
    return marked(SEVERITY_SYMBOL[finding.severity], title, SEVERITY_STYLE[finding.severity])


def _counted(finding: Finding) -> str:
    """`4 trials: 3, 4, 15, 30`, or `trial 3`."""
    numbers = trial_numbers(finding.trials)
    count = len(set(finding.trials))
    return f"{plural(count, 'trial')}: {numbers}" if count > 1 else f"trial {numbers}" if count else ""


def marked(mark: str, text: Text, style: str = "cyan") -> Table:
    """A mark, followed by a text that wraps."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style=style, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark), text)
    return grid


def _check(block: blocks.CheckLine) -> Parts:
    """The title, what was seen, and the advice below."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, width=TITLE_CELLS)
    grid.add_column(overflow="fold")
    grid.add_row(styled((block.mark,)), styled((block.title,)), styled(block.seen))
    for mark, text in block.advice:
        grid.add_row("", "", marked(mark, plain(text)))
    details: Parts = [facts(replace(block.details, indent=2 + 2 + TITLE_CELLS + 1))] if block.details.rows else []
    return [indented(grid), *details]


def _timeline(lines: Sequence[TimelineLine]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row(Text(offset(line.offset_ms)), plain(line.lane), plain(line.text))
    return grid


def _leftovers(rooms: Sequence[LeftoverRoom]) -> Parts:
    """Each with who is in it, since when it is there, and what would close it."""
    found = Parts()
    deleted = [room for room in rooms if room.own and room.still_there is False]
    for room in (room for room in rooms if room not in deleted):
        since = f"since {moment(room.created_at)} UTC, " if room.created_at else ""
        found.append(indented(plain(f"{room.name}  {room.sid}".rstrip())))
        found.append(indented(plain(f"{since}in it: {occupants(room)}"), 4))
        found.append(indented(plain(fate(room) or f"closes {closes(room)}, or by `{SWEEP}`", "dim"), 4))
    if deleted:
        many = len(deleted) > 1
        told = f"{len(deleted)} rooms were left over when their" if many else "1 room was left over when its"
        end = f"watch ended; lkdiag has deleted {'them' if many else 'it'} since:"
        found.append(indented(plain(f"{told} {end}")))
        for room in deleted:
            since = f", since {moment(room.created_at)} UTC" if room.created_at else ""
            found.append(indented(plain(f"{room.name}  {room.sid}{since}, in it: {occupants(room)}"), 4))
        found.append(indented(plain("each would have closed when those in it had left", "dim"), 4))
    return found


def _bars(block: blocks.Timings[Any], width: int) -> Parts:
    """The first group's times in bars, with a bar for those that never came; nothing for too few."""
    tones = Counter[Tone]()
    values = []
    for point in map(block.point, block.rows):
        if point.group != block.groups[0]:
            continue
        tones[point.tone] += 1
        if point.ms is not None:
            values.append(point.ms)
    if len(values) < HISTOGRAM_FROM:
        return []
    bars = [
        (f"{duration(bar.low)} – {duration(bar.high)}", bar.count, "cyan")
        for bar in histogram(values, bins=min(8, 2 + len(values) // 4))
    ]
    if tones[Tone.LOST]:
        bars.append(("never came", tones[Tone.LOST], "red"))
    most = max(count for _, count, _ in bars)
    longest = max(5, min(BAR_CELLS, width - max(len(label) for label, _, _ in bars) - len(str(most)) - 3))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    for label, count, colour in bars:
        grid.add_row(Text(label), Text.assemble((_bar(count / most * longest), colour), f" {count}"))
    return [indented(grid)]


def _bar(cells: float) -> str:
    """A bar to the eighth of a cell, and something to see for anything above nothing."""
    eighths = max(round(cells * 8), 1 if cells > 0 else 0)
    whole, part = divmod(eighths, 8)
    return "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[part]
