"""Blocks as parts of the page: how each of them looks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lkdiag.contract import Severity
from lkdiag.document import blocks
from lkdiag.document.blocks import OUTCOMES, Code, Link, Span, Tone, parts
from lkdiag.document.selection import first_of_each_kind
from lkdiag.document.wording import (
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
from lkdiag.render.fitting import Piece, row_pieces, story_pieces
from lkdiag.render.html.charts import distribution, interval, lanes, over_time, symbols, time_scale, times_of
from lkdiag.render.html.markup import HOLE, around_hole, element, written
from lkdiag.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any
    from xml.etree.ElementTree import Element

    from lkdiag.document.blocks import Block, Diagnosis, Facts, Found, Inline, Line, Section, Story
    from lkdiag.render.html.markup import Child
    from lkdiag.report.value import LeftoverRoom, Threshold, TimelineLine

Header = tuple[str, bool]
"""Text, and whether the column is flush right."""
LONGEST_ON_A_LINE = 40
"""Characters of a cell that are kept on one line; ids are far shorter, names from elsewhere may be longer."""
MOST_POINTS = 5_000
"""A mark is some 200 bytes: with more of them the page would be too large for anything else."""
OPENED = 3
"""So many stories of different kinds are unfolded from the start."""
WEIGHT = {Severity.FAIL: "failure", Severity.INCONCLUSIVE: "inconclusive", Severity.NOTE: "note"}
_MET = {True: "pass", False: "failure", None: "inconclusive"}


# -- sections -----------------------------------------------------------------------------------------------------


def frame(name: str, title: str, *children: Child) -> Element:
    """A section with a heading that names it and that can be linked to."""
    return element("section", element("h2", title, id=name), *children, aria_labelledby=name)


def section(one: Section) -> Iterator[Piece]:
    """What it shows, in pieces that may be left out; nothing without any."""
    if all(isinstance(block, blocks.Items) for block in one.blocks):
        yield Piece((f"{written(frame(one.name, one.title, *map(_simple, one.blocks)))}\n", ""), "detail")
        return
    pieces = [piece for block in one.blocks for piece in _block_pieces(block)]
    if pieces:
        yield from _held(frame(one.name, one.title, element(HOLE)), pieces, "\n")


def _held(tree: Element, pieces: Iterable[Piece], end: str = "") -> Iterator[Piece]:
    """The pieces in the tree's hole."""
    before, after = around_hole(tree)
    yield from (Piece((before,)), *pieces, Piece((after + end,)))


def _block_pieces(block: Block) -> Iterator[Piece]:
    """What a large page may leave out, piece by piece; nothing where a page does not show the block's kind."""
    match block:
        case blocks.Findings(found=found) if found:
            items = (Piece((written(finding_item(item)), ""), "finding") for item in found)
            yield from _held(element("ul", element(HOLE), class_="findings"), items)
        case blocks.Stories():
            yield from _stories(block)
        case blocks.Leftovers(rooms=rooms) if rooms:
            yield from _leftovers(rooms)
        case blocks.Timings():
            yield from _charts(block)
        case blocks.Table(rows=rows, empty=empty) if not rows:
            yield Piece((written(element("p", empty)),))
        case blocks.Table(fails=fails) if fails is not None:
            yield from _held(_framed(block, [element(HOLE)]), row_pieces(block, lambda row: written(_row(block, row))))
            yield Piece((written(meanings(block)) if block.legend else "",))
        case blocks.Aside(summary=summary, table=table):
            rows_ = _framed(table, [_row(table, row) for row in table.rows])
            yield Piece((written(element("details", element("summary", summary), rows_)), ""), "detail")
        case blocks.Legend():
            explained = [(name, meaning) for name, meaning in block.rows if meaning]
            shown = [element("h3", block.marks_title), pairs(block.marks)]
            shown += [element("h3", block.rows_title), pairs(explained)] if explained else []
            yield Piece(("".join(map(written, shown)),))
        case _:
            tree = _simple(block)
            if tree is not None:
                yield Piece((written(tree),))


def _charts(timings: blocks.Timings[Any]) -> Iterator[Piece]:
    times = times_of(timings)
    scale = time_scale(times)
    charts = [] if scale is None else list(distribution(timings, times, scale))
    many = len(timings.rows) > MOST_POINTS
    points = Piece(("",), "points", unmade=1) if many else Piece((written(over_time(timings, scale)), ""), "points")
    fixed = Piece((written(symbols()) + "".join(map(written, charts)),))
    yield from _held(element("div", element(HOLE), class_="charts"), (fixed, points))


def _simple(block: Block) -> Element | None:
    """A block that no page is too long for."""
    match block:
        case blocks.Cards():
            return _cards(block)
        case blocks.Rates():
            return interval(block)
        case blocks.Table():
            return _framed(block, [_row(block, row) for row in block.rows])
        case blocks.Grid():
            return scrolled(_grid(block), f"{block.title}, table")
        case blocks.Items():
            return element("ul", *(element("li", *line(text)) for text in block.lines))
        case blocks.Paragraph():
            return element("p", *line(block.text))
        case blocks.Facts():
            return pairs((label, line(text)) for label, text in block.rows)
    return None


def line(text: Line) -> list[Child]:
    """A line's texts as elements."""
    return [_inline(part) for part in parts(text)]


def _inline(part: Inline) -> Child:
    match part:
        case Code():
            return element("code", part.text)
        case Link():
            return link(part.text)
        case Span():
            return part.text
    return part


def link(target: str) -> Child:
    """To a web address, which nothing but a click asks for; anything else as text."""
    if re.fullmatch(r"https?://[^\s<>\"]{1,500}", visible(target)):
        return element("a", target, href=target, rel="noreferrer noopener")
    return target


def environment(identity: Facts, client: Facts, options: Facts) -> Element:
    """What maintainers ask for first."""
    rows = [(label, line(text)) for label, text in (*identity.rows, *client.rows)]
    body = frame("environment", "Environment", pairs(rows))
    if options.rows:
        summary = element("summary", "Every setting of the scenario")
        body.append(element("details", summary, pairs((name, line(text)) for name, text in options.rows)))
    return body


def thresholds(judged: Sequence[Threshold]) -> Iterator[Piece]:
    """The user's own, an item each."""
    items = [
        element(
            "li",
            element("span", THRESHOLD_SYMBOL[one.ok], aria_hidden="true", class_=f"symbol {_MET[one.ok]}"),
            f" {one.told}",
        )
        for one in judged
    ]
    if items:
        body = frame("thresholds", "Thresholds", element("ul", *items, class_="thresholds"))
        yield Piece((f"{written(body)}\n", ""), "detail")


def command(text: str) -> Element:
    """To be copied."""
    return frame("again", "Run it again", element("pre", element("code", text)))


def _cards(block: blocks.Cards) -> Element:
    grid = element("dl", class_="cards")
    for label, figure, about in block.cards:
        body = element("dd", element("span", figure, class_="big"), " " if about else None)
        if about:
            body.append(element("span", about, class_="about"))
        grid.append(element("div", element("dt", label), body))
    return grid


# -- tables -------------------------------------------------------------------------------------------------------


def meanings(table: blocks.Table[Any]) -> Element:
    """What a table's columns say."""
    told = [(column.header, column.meaning) for column in table.columns]
    return element("details", element("summary", "What the columns mean"), pairs(told))


def _row(table: blocks.Table[Any], row: Any) -> Element:
    """The first cell is the row's header, and leads to its story."""
    failing = table.told_at is not None and table.fails is not None and table.fails(row)
    found = element("tr", class_="failing" if failing else None)
    for number, column in enumerate(table.columns):
        text = column.cell(row)
        content: Child = text
        tone = column.tone(row)
        at = table.told_at(row) if table.told_at is not None and number == 0 else None
        if at is not None:
            content = element("a", text, href=f"#trial-{at}")
        elif tone in OUTCOMES:
            content = element("span", text, class_=f"outcome {tone}")
        elif tone is Tone.BAD:
            content = element("span", text, class_="bad")
        kind, first = _kind(content, right=column.right), number == 0
        found.append(element("th" if first else "td", content, class_=kind, scope="row" if first else None))
    return found


def _framed(table: blocks.Table[Any], rows: Sequence[Element]) -> Element:
    headers = [(column.header or column.meaning, column.right) for column in table.columns]
    caption = f"{table.caption}. {table.about}." if table.about else table.caption
    return _table(caption, headers, rows, f"{table.title}, table")


def _table(caption: str, headers: Sequence[Header], rows: Sequence[Element], name: str) -> Element:
    heads = [
        element("th", text, scope="col", class_="right" if right else None) if text else element("td")
        for text, right in headers
    ]
    found = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
    )
    return scrolled(found, name)


def scrolled(content: Element, name: str) -> Element:
    """A frame that the keyboard can scroll too."""
    return element("div", content, class_="scroll", role="region", aria_label=name, tabindex="0")


def pairs(rows: Iterable[tuple[str, Child | Sequence[Child]]]) -> Element:
    """Labels and what belongs to them."""
    found = element("dl", class_="pairs")
    for label, content in rows:
        shown = content if isinstance(content, list | tuple) else (content,)
        found.append(element("div", element("dt", label), element("dd", *shown)))
    return found


def _kind(content: Child, *, right: bool = False) -> str | None:
    """A cell's classes."""
    classes = ["right"] if right else []
    if isinstance(content, str):
        if content == NONE:
            classes.append("none")
        if len(content) > LONGEST_ON_A_LINE:
            classes.append("long")
    return " ".join(classes) or None


def _grid(grid: blocks.Grid) -> Element:
    """A row for each of its rows, a column for each of its columns, below their groups."""
    over = element("tr", element("th", grid.row_label, scope="col", rowspan="2"))
    under = element("tr")
    for group, names in grid.groups.items():
        title = f"{grid.group_prefix}{group}"
        over.append(element("th", title, scope="colgroup", colspan=str(len(names)), class_="exit"))
        under.extend(element("th", f"{name} {grid.column_label}", scope="col") for name in names)
    rows = []
    for row in grid.rows:
        found = element("tr", element("th", row, scope="row"))
        for column in grid.columns:
            cell = grid.cells.get((row, *column))
            if cell is None:
                found.append(element("td", NONE, class_="none"))
            else:
                found.append(element("td", cell.text, class_=f"cell {cell.tone}", title=cell.about))
        rows.append(found)
    groups = [element("colgroup"), *(element("colgroup", span=str(len(names))) for names in grid.groups.values())]
    caption = element("caption", element("span", grid.caption))
    return element("table", caption, *groups, element("thead", over, under), element("tbody", *rows), class_="grid")


def _leftovers(rooms: Sequence[LeftoverRoom]) -> Iterator[Piece]:
    headers = [(text, False) for text in ("room", "room SID", "created (UTC)", "in it", "closes")]
    caption = "Rooms that nobody had closed when their watch ended"
    held = []
    for room in rooms:
        how: Sequence[Child] = ("lkdiag has deleted it since",)
        if (told := fate(room)) is not None:
            how = (told,)
        elif room.still_there:
            how = (f"{closes(room)}, or by ", element("code", SWEEP))
        cells = (room.name, room.sid or NONE, moment(room.created_at) if room.created_at else NONE, occupants(room))
        found = element("tr", element("th", cells[0], scope="row", class_=_kind(cells[0])))
        found.extend(element("td", text, class_=_kind(text)) for text in cells[1:])
        found.append(element("td", *how, class_=_kind(how[0] if len(how) == 1 else "")))
        held.append(Piece((written(found), ""), "leftover"))
    yield from _held(_table(caption, headers, [element(HOLE)], "Rooms left behind, table"), held)


# -- findings and stories -----------------------------------------------------------------------------------------


def finding_item(one: Found) -> Element:
    """What was found, what was seen of it, what it means, and in which trials."""
    finding = one.finding
    mark = element("span", SEVERITY_SYMBOL[finding.severity], aria_hidden="true", class_=f"symbol {finding.severity}")
    slug = element("span", element("code", finding.check), f" · {WEIGHT[finding.severity]}", class_="slug")
    found = element("li", element("p", mark, " ", element("strong", finding.title), " ", slug), class_="finding")
    if finding.fact:
        found.append(element("p", finding.fact))
    if finding.hint:
        found.append(element("p", finding.hint, class_="hint"))
    if finding.reference:
        found.append(element("p", "See ", link(finding.reference)))
    found.append(element("p", "More: ", element("code", more([finding.check]))))
    if finding.trials:
        many = "Trials" if len(set(finding.trials)) > 1 else "Trial"
        found.append(element("p", f"{many} {trial_numbers(finding.trials)}.", class_="about"))
    if one.where:
        found.append(pairs(one.where))
    return found


def _stories(stories: blocks.Stories[Any]) -> Iterator[Piece]:
    """The failing ones, each with all that is to be said of it, as they are unfolded one at a time."""
    told = (row for row in stories.rows if stories.fails(row) and stories.has_story(row))
    opened = {stories.index(row) for row in first_of_each_kind(told, stories.kinds)[:OPENED]}
    return story_pieces(stories, lambda story: _story(story, opened=story.index in opened))


def _story(story: Story, *, opened: bool) -> Piece:
    """To unfold; shorter without its picture, without its timeline, without everything but its name."""
    mark = element("span", story.mark.text, class_=f"outcome {story.mark.tone}")
    summary = element("span", f"{story.title}: ", mark, *line(story.about))
    about = []
    if story.findings:
        items = (finding_item(blocks.Found(finding)) for finding in story.findings)
        about.append(element("ul", *items, class_="findings"))
    if story.diagnosis is not None:
        about.append(_diagnosis(story.diagnosis))

    def block(*body: Element) -> str:
        # the anchor is inside, as a browser opens the block for what is linked to in it
        opening = element("p", *line(story.opening), id=f"trial-{story.index}")
        inner = element("div", opening, *body, class_="story")
        heading = element("summary", element("h3", summary))
        return written(element("details", heading, inner, open=opened)) + "\n"

    if not story.timeline:
        return Piece((block(*about), block(*about), block(*about), ""), "story")
    words = _timeline(story.timeline, story.title)
    picture = element("figure", element("figcaption", element("strong", "Timeline")), lanes(story.timeline))
    return Piece((block(*about, picture, words), block(*about, words), block(*about), ""), "story")


def _diagnosis(diagnosis: Diagnosis) -> Element:
    """The causes, and what stands for, against and behind them."""
    rows: list[tuple[str, Child]] = []
    for label, texts in diagnosis.rows:
        shown = [link(text) if label == "see" else text for text in texts]
        rows.append((label, shown[0] if len(shown) == 1 else element("ul", *(element("li", item) for item in shown))))
    return element("div", element("h4", "Diagnosis"), pairs(rows), class_="diagnosis")


def _timeline(timeline: Sequence[TimelineLine], title: str) -> Element:
    rows = []
    for line in timeline:
        at = element("th", element("time", offset(line.offset_ms), datetime=line.at, title=line.at), scope="row")
        rows.append(element("tr", at, element("td", line.lane), element("td", line.text)))
    heads = [element("th", text, scope="col") for text in ("time", "who", "what")]
    head = element("thead", element("tr", *heads))
    caption = element("caption", f"{title}, from its beginning, in words")
    return element("table", caption, head, element("tbody", *rows), class_="timeline")
