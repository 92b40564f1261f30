"""Texts from anywhere as GitHub-flavoured Markdown that shows them as they are."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.document import blocks
from lkdiag.document.blocks import Code, Link, Part, Span, parts
from lkdiag.document.selection import Said
from lkdiag.document.wording import (
    NONE,
    SEVERITY_SYMBOL,
    SWEEP,
    THRESHOLD_SYMBOL,
    VERDICT_SYMBOL,
    closes,
    fate,
    moment,
    occupants,
    offset,
    trial_numbers,
)
from lkdiag.render.fitting import Piece, Step, fit, row_pieces, story_pieces
from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from lkdiag.document.blocks import Block, Diagnosis, Document, Inline, Line, Section, Story
    from lkdiag.judge.finding import Finding
    from lkdiag.report.value import LeftoverRoom


LONGEST_TEXT = 1_000
"""Characters of one text; more of it (a server's error page, say) stands in the JSON report only."""

_SPECIAL = re.compile(r"[\\`*\[\]|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~(?=\S)|(?<=\S)~")
_BLOCK_START = re.compile(r"^([#+=>-]|\d+(?=[.)](\s|$)))")
_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@<!-- -->"}
"""The comment keeps `@name` from calling somebody to the issue."""


def prose(text: str) -> str:
    """Inline text, good in a table's cell too. Ids keep their underscores as they are."""
    shown = _clipped(visible(text))
    start = _BLOCK_START.match(shown)
    escaped = _SPECIAL.sub(lambda match: f"\\{match[0]}", shown)
    escaped = "".join(_ENTITY.get(char, char) for char in escaped)
    if start is None or escaped.startswith(("&", "\\")):
        return escaped
    at = len(start[0]) if start[0].isdigit() else 0
    return f"{escaped[:at]}\\{escaped[at:]}"


def html(text: str) -> str:
    """Text inside of an HTML tag, where Markdown is not read: only what would be a tag or an entity is escaped."""
    return "".join(_ENTITY.get(char, char) if char != "@" else "&#64;" for char in _clipped(visible(text)))


def code(text: str, *, in_table: bool = False) -> str:
    """A code span, whose fence is longer than any run of back-ticks in it."""
    shown = _clipped(visible(text))
    if in_table:
        shown = shown.replace("|", "\\|")
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else ""


def code_block(lines: Iterable[str], language: str = "text", *, clipped: bool = True) -> str:
    """A fenced block; each line is made printable, and the fence is longer than any run of back-ticks in them."""
    shown = [_clipped(visible(line)) if clipped else visible(line) for line in lines]
    fence = "`" * max(3, _longest_run("\n".join(shown)) + 1)
    return "\n".join([f"{fence}{language}", *shown, fence, ""])


def link(target: str) -> str:
    """A web address as itself, anything else as text."""
    shown = visible(target)
    return f"<{shown}>" if re.fullmatch(r"https?://[^\s<>]{1,500}", shown) else prose(target)


def table_row(cells: Sequence[str]) -> str:
    """Cells that are Markdown already."""
    return f"| {' | '.join(cells)} |\n"


def table_head(headers: Sequence[tuple[str, bool]]) -> str:
    """Headers are a text and whether the column is flush right."""
    return table_row([text for text, _ in headers]) + table_row(["--:" if right else "---" for _, right in headers])


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _clipped(text: str) -> str:
    """Cut between words, so that no id is cut, and saying so."""
    if len(text) <= LONGEST_TEXT:
        return text
    cut = text.rfind(" ", 0, LONGEST_TEXT)
    kept = text[: cut if cut > 0 else LONGEST_TEXT]
    return f"{kept} … ({len(text) - len(kept)} more characters)"


# A document as GitHub-flavoured Markdown that can be pasted into an issue as it is.

BLANK_LINE = "\n"
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


ORDER = (
    Part.FIGURES,
    Part.FINDINGS,
    Part.OVERVIEW,
    Part.OVERVIEW_STORIES,
    Part.TABLE,
    Part.STORIES,
    Part.LEFTOVERS,
    Part.NOTES,
    Part.LOGS,
    Part.EXAMPLE,
)


def render(document: Document) -> str:
    """At most 65,536 characters. What had to be left out to get there is said near the top."""
    pieces = list(_pieces(document))
    text, left_out = fit(pieces, _STEPS, LONGEST_ISSUE - _ROOM_FOR_NOTICE)
    title, _, rest = text.partition("\n")
    notice = ""
    if left_out:
        notice = f"\n> Left out, to fit an issue: {'; '.join(left_out)}. `--format json` has everything.\n"
    return f"{title}\n{notice}{rest}"


def write(shown: Iterable[Block]) -> str:
    """Blocks that are no document, one after the other."""
    return "".join(_block(block).removeprefix("\n") or "\n" for block in shown)


def _pieces(document: Document) -> Iterator[Piece]:
    yield Piece((_opening(document),))
    yield from _environment(document)
    judged = (f"{THRESHOLD_SYMBOL[threshold.ok]} {prose(threshold.told)}" for threshold in document.thresholds)
    yield from _titled("Thresholds", _list(judged))
    for part in ORDER:
        for section in document.sections:
            if section.part is part:
                yield from _section(section)
    forms = (code_block([document.command], "sh", clipped=clipped) for clipped in (False, True))
    yield Piece(tuple(f"\n### Run it again\n\n{form}" for form in forms), "command")


def _opening(document: Document) -> str:
    verdict = f"{VERDICT_SYMBOL[document.verdict]} {document.verdict.value.upper()}"
    told = (*document.paragraph, *document.ended, *document.expected)
    return (
        f"## {prose(document.title)}: {verdict}\n\n**{prose(document.headline)}**\n\n"
        f"Run {code(document.run_id)} of lkdiag {prose(document.version)}, {document.period}: "
        f"{' '.join(map(_line, told))}\n"
    )


def _environment(document: Document) -> Iterator[Piece]:
    yield Piece((f"\n### Environment\n\n{table_head([('', False), ('', False)])}",))
    for label, text in (*document.identity.rows, *document.client.rows):
        yield Piece((table_row([label, prose(blocks.plain_text(text))]), ""), "detail")
    options = " · ".join(f"{name} {blocks.plain_text(value)}" for name, value in document.options.rows)
    if options:
        yield Piece((table_row(["options", prose(options)]), ""), "detail")


# -- blocks -------------------------------------------------------------------------------------------------------


def _section(section: Section) -> Iterator[Piece]:
    pieces = (piece for block in section.blocks for piece in _block_pieces(block, section.part))
    untitled = any(isinstance(block, blocks.Table) and not block.rows for block in section.blocks)
    return _titled("" if untitled else section.title, pieces)


def _titled(title: str, pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The heading stands with the first piece, and is left out with it."""
    for number, piece in enumerate(pieces):
        if number or not title:
            yield piece
        else:
            yield replace(piece, forms=tuple(f"\n### {title}\n{form}" if form else "" for form in piece.forms))


def _block_pieces(block: Block, part: Part) -> Iterator[Piece]:
    """What a long document may leave out, piece by piece; a blank line comes first."""
    match block:
        case blocks.Findings():
            yield from _list(_findings(block), "finding")
        case blocks.Stories():
            yield from _stories(block)
        case blocks.Leftovers(rooms=rooms):
            yield from _leftovers(rooms)
        case blocks.Items(lines=lines):
            yield from _list(map(_line, lines))
        case blocks.Table(rows=rows, empty=empty) if not rows:
            yield Piece((f"\n{prose(empty)}\n" if empty else "",))
        case blocks.Table(fails=fails) if fails is not None:
            yield Piece((f"\n{_table_head(block)}",))
            yield from row_pieces(block, lambda row: _table_row(block, row))
            yield Piece((_meanings(block),))
        case _:
            text = _block(block)
            if text:
                yield Piece((text, ""), "example") if part is Part.EXAMPLE else Piece((text,))


def _list(items: Iterable[str], kind: str = "detail") -> Iterator[Piece]:
    """Each of them may be left out."""
    for number, item in enumerate(items):
        yield Piece((f"{'' if number else BLANK_LINE}- {item}\n", ""), kind)


def _bullets(lines: Sequence[Line]) -> str:
    return "".join(f"- {_line(line)}\n" for line in lines)


def _block(block: Block) -> str:
    """A block that no document is too long for; empty where an issue does not show its kind."""
    match block:
        case blocks.Table():
            about = f"\n{block.about}:\n" if block.about else ""
            return f"{about}\n{_table_head(block)}" + "".join(_table_row(block, row) for row in block.rows)
        case blocks.Grid():
            return _grid(block)
        case blocks.Legend():
            rows = "".join(f"- {code(name)}: {meaning}\n" for name, meaning in block.rows if meaning)
            return f"\n{rows}\n" + " · ".join(f"{mark} {meaning}" for mark, meaning in block.marks) + "\n"
        case blocks.Heading():
            return f"{'#' * block.level} {prose(block.text)}\n"
        case blocks.Items():
            return _bullets(block.lines)
        case blocks.Warnings():
            return "".join(f"> **Beware:** {prose(line)}\n" for line in block.lines)
        case blocks.Paragraph():
            return f"\n{_line(block.text)}\n"
        case blocks.Listing():
            listing = code_block(block.lines, block.language, clipped=False)
            return f"\n<details><summary>{block.introduction}</summary>\n\n{listing}\n</details>\n"
    return ""


def _line(line: Line) -> str:
    return "".join(map(_inline, parts(line)))


def _inline(part: Inline) -> str:
    match part:
        case Code():
            return code(part.text)
        case Link():
            return link(part.text)
        case Span():
            return f"**{prose(part.text)}**" if part.strong else prose(part.text)
    return prose(part)


def _columns(table: blocks.Table[Any]) -> tuple[blocks.Column[Any], ...]:
    """When it was stands right behind the number."""
    first, *rest = table.columns
    return (first, *sorted(rest, key=lambda column: not column.is_moment))


def _table_head(table: blocks.Table[Any]) -> str:
    return table_head([(column.header, column.right) for column in _columns(table)])


def _table_row(table: blocks.Table[Any], row: Any) -> str:
    return table_row([prose(column.cell(row)) for column in _columns(table)])


def _meanings(table: blocks.Table[Any]) -> str:
    meanings = "".join(f"- {column.header}: {column.meaning}\n" for column in _columns(table)[1:])
    return f"\n<details><summary>What the columns mean</summary>\n\n{meanings}\n</details>\n" if table.legend else ""


def _grid(grid: blocks.Grid) -> str:
    headers = [(prose(f"{group}, {name} {grid.column_label}"), False) for group, name in grid.columns]
    text = f"\n{table_head([(grid.row_label, False), *headers])}"
    for row in grid.rows:
        cells = (grid.cells.get((row, *column)) for column in grid.columns)
        text += table_row([prose(row), *(NONE if cell is None else cell.text for cell in cells)])
    return text


def _findings(block: blocks.Findings) -> Iterator[str]:
    said = Said()
    for one in block.found:
        where = [f"{code(label)}: {prose(text)}" for label, text in one.where]
        yield _finding(one.finding, said if block.explained_once else Said(), where)


def _finding(finding: Finding, said: Said, where: Sequence[str] = ()) -> str:
    """A list's item: title, fact, hint, reference and page (unless they are said already), trials, `where`."""
    hint, reference, more = said.new(finding)
    about = f"Trial{'s' if len(finding.trials) > 1 else ''} {trial_numbers(finding.trials)}." if finding.trials else ""
    lines = (
        f"{SEVERITY_SYMBOL[finding.severity]} **{prose(finding.title)}** ({code(finding.check)})",
        *(prose(text) for text in (finding.fact, hint)),
        f"See {link(reference)}" if reference else "",
        f"More: {code(more)}" if more else "",
        about,
        *where,
    )
    first, *rest = (line for line in lines if line)
    return "\n".join([first, "\\\n".join(f"  {line}" for line in rest)]) if rest else first


def _stories(block: blocks.Stories[Any]) -> Iterator[Piece]:
    """What to unfold; shorter without the timeline. What a finding means is said once."""
    said, already = Said(), set[tuple[str, ...]]()

    def made(story: Story) -> Piece:
        summary = f"{story.title}: {html(story.mark.text)}{html(blocks.plain_text(story.about))}"
        findings = "".join(f"- {_finding(finding, said)}\n" for finding in story.findings)
        findings += _diagnosis(story.diagnosis, already)
        head = f"\n<details><summary>{summary}</summary>\n\n{_line(story.opening)}\n\n{findings}"
        end = "\n</details>\n"
        if not story.timeline:
            return Piece((f"{head}{end}", f"{head}{end}", ""), "story")
        width = max(len(line.lane) for line in story.timeline)
        lines = (f"{offset(line.offset_ms):>10}  {line.lane:<{width}}  {line.text}" for line in story.timeline)
        return Piece((f"{head}\n{code_block(lines)}{end}", f"{head}{end}", ""), "story")

    return story_pieces(block, made)


def _diagnosis(diagnosis: Diagnosis | None, already: set[tuple[str, ...]]) -> str:
    """A list's item with the causes, and what stands for, against and behind them."""
    rows = diagnosis.told(already) if diagnosis is not None else []
    if not rows:
        return ""
    (head, causes), *rest = rows
    lines = [f"- **{head.capitalize()}: {prose(causes[0])}**"]
    for label, texts in rest:
        lines += [f"  {label}: {link(text) if label == 'see' else prose(text)}" for text in texts]
    return "\\\n".join(lines) + "\n"


def _leftovers(rooms: Sequence[LeftoverRoom]) -> Iterator[Piece]:
    headers = [(text, False) for text in ("room", "room SID", "created (UTC)", "in it", "closes")]
    for number, room in enumerate(rooms):
        head = "" if number else f"\n{table_head(headers)}"
        created = moment(room.created_at) if room.created_at else NONE
        ways = f"{prose(closes(room))}, or by {code(SWEEP)}" if room.still_there else "lkdiag has deleted it since"
        ways = prose(fate(room) or "") or ways
        row = table_row([prose(room.name), prose(room.sid or NONE), created, prose(occupants(room)), ways])
        yield Piece((head + row, ""), "leftover")
