"""What a report is made of: blocks. A builder makes them of one kind of run; a renderer shows them in one format.

Blocks are data. Where they hold a function, it is pure, and asked only by the renderers that show what it gives: of a
hundred thousand trials nobody makes the rows that no format has room for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence  # noqa: TC003 - they stand in aliases
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from lkdiag.contract import Verdict
    from lkdiag.judge.finding import Finding
    from lkdiag.report.value import LeftoverRoom, Threshold, TimelineLine
    from lkdiag.stats import Rate

Row = TypeVar("Row")


class Tone(StrEnum):
    """What a text is to look like. The first five are those of outcomes, each with a mark of its own in charts."""

    GOOD = "good"
    LATE = "late"
    LOST = "lost"
    BROKEN = "broken"
    UNSURE = "unsure"
    BAD = "bad"
    CAUTION = "caution"
    FAINT = "faint"
    PLAIN = "plain"


OUTCOMES = (Tone.GOOD, Tone.LATE, Tone.LOST, Tone.BROKEN, Tone.UNSURE)


# -- texts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """A text that looks like something."""

    text: str
    tone: Tone = Tone.PLAIN
    strong: bool = False


@dataclass(frozen=True)
class Code:
    """A name, an id or a command: shown as it is to be typed."""

    text: str


@dataclass(frozen=True)
class Link:
    """A web address, or what else a reference is."""

    text: str


Inline = str | Span | Code | Link
"""Every text is raw: names and ids come from elsewhere, and the renderer escapes them."""
Line = str | tuple[Inline, ...]


def parts(line: Line) -> tuple[Inline, ...]:
    """A line's texts."""
    return (line,) if isinstance(line, str) else line


def plain_text(line: Line) -> str:
    """A line without what it looks like."""
    return "".join(part if isinstance(part, str) else part.text for part in parts(line))


# -- simple blocks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paragraph:
    """A line of text; a terminal moves it in by so many cells."""

    text: Line
    indent: int = 0


BLANK = Paragraph("")


@dataclass(frozen=True)
class Heading:
    """A title; the level counts in Markdown."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Marked:
    """A mark, followed by a text that wraps."""

    mark: Span
    text: Span


@dataclass(frozen=True)
class Warnings:
    """What the reader has to beware of."""

    lines: Sequence[str]


@dataclass(frozen=True)
class CheckLine:
    """One check: mark, title, what was seen, and advice below."""

    mark: Span
    title: Span
    seen: Line
    advice: tuple[tuple[str, str], ...]
    """A mark and a text each."""
    details: Facts


@dataclass(frozen=True)
class Facts:
    """Labels, and what belongs to them."""

    rows: Sequence[tuple[str, Line]]
    indent: int = 2


@dataclass(frozen=True)
class Items:
    """A list."""

    lines: Sequence[Line]


@dataclass(frozen=True)
class Listing:
    """Code to copy, behind the sentence that introduces it."""

    introduction: str
    lines: Sequence[str]
    language: str


@dataclass(frozen=True)
class Cards:
    """The few figures that matter most: label, figure, and what belongs to it."""

    cards: Sequence[tuple[str, str, str]]


# -- tables -------------------------------------------------------------------------------------------------------


def _plain(_: Any) -> Tone:
    return Tone.PLAIN


def _nothing(_: Any) -> str:
    return ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column of a table: header, meaning, and how a cell reads."""

    header: str
    meaning: str
    """For a legend."""
    cell: Callable[[Row], str]
    right: bool = False
    """Set flush right, as numbers are."""
    tone: Callable[[Row], Tone] = _plain
    below: Callable[[Row], str | Span] = _nothing
    """A second line of the cell, empty for none; a faint one is a label of the next cell, and flush right."""
    gives_way: int = 0
    """Where the table is too wide, the columns of the highest number are left out first; those of 0 stay."""
    is_id: bool = False
    """One of the server's ids, which no format may cut."""
    is_moment: bool = False
    """When it was. A terminal leaves it to the others; in an issue it stands right behind the row's number."""
    on_pages_only: bool = False
    """A terminal has no room for it, or shows it in another way."""


Columns = tuple[Column[Row], ...]


@dataclass(frozen=True)
class TablePart(Generic[Row]):
    """One of the tables into which a wide one is split, and the notes below it. Without columns it is its notes."""

    columns: Columns[Row]
    rows: Sequence[Row]
    notes: tuple[str, ...] = ()
    title: str = ""
    """Stands above it."""


@dataclass(frozen=True)
class Layout(Generic[Row]):
    """One way to show a table. It fits if its first part does; `below` are ways to go on, tried in turn."""

    parts: tuple[TablePart[Row], ...]
    below: tuple[Layout[Row], ...] = ()


class Narrow(StrEnum):
    """What becomes of a table for which a terminal is too narrow, after columns have given way."""

    WRAP = "wrap"
    """Its cells wrap."""
    BLOCKS = "blocks"
    """One block per row: the first cell, and below it the other cells with their headers."""
    SPACED_BLOCKS = "spaced-blocks"
    """The same with a blank line behind each."""


@dataclass(frozen=True)
class Table(Generic[Row]):
    """Rows of any kind, and the columns that say how their cells read. The first column names the row."""

    title: str
    """Its name; with `heading` a terminal has another word for it."""
    columns: Columns[Row]
    rows: Sequence[Row]
    caption: str = ""
    """What the rows are, in a sentence without its full stop."""
    about: str = ""
    """What its figures count from."""
    heading: str = ""
    empty: str = ""
    """What stands there without a row."""
    fails: Callable[[Row], bool] | None = None
    """Whether a row is one that has to be seen. None: every row stays, however long the document gets."""
    told_at: Callable[[Row], int | None] | None = None
    """The number of the row's story."""
    layouts: Callable[[bool], tuple[Layout[Row], ...]] | None = None
    """What a terminal shows, from the widest on; asked whether all has to be shown. None: all columns."""
    narrow: Narrow = Narrow.WRAP
    indent: int = 0
    legend: bool = False
    """Whether the columns' meanings are shown."""
    are_facts: bool = False
    """With only two columns, a terminal shows labels and texts instead."""


@dataclass(frozen=True)
class Aside(Generic[Row]):
    """Rows that do not count: a line about them, and a table to unfold where there is room for it."""

    line: str
    summary: str
    table: Table[Row]


@dataclass(frozen=True)
class GridCell:
    """A text, a shorter one, and what is shown on hovering."""

    text: str
    short: str
    tone: Tone
    about: str


@dataclass(frozen=True)
class Grid:
    """Rows against groups of columns."""

    title: str
    row_label: str
    group_label: str
    group_prefix: str
    """In front of a group's name where there is room."""
    column_label: str
    """Behind a column's name where there is room."""
    cell_label: str
    caption: str
    rows: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    """By group, its columns."""
    cells: Mapping[tuple[str, str, str], GridCell]
    """By row, group and column; cells without a call are missing."""

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Group and name of each column, from left to right."""
        return tuple((group, name) for group, names in self.groups.items() for name in names)


@dataclass(frozen=True)
class Legend:
    """What the marks and the rows of a grid mean, and a few figures that belong to it."""

    rows: Sequence[tuple[str, str]]
    marks: Sequence[tuple[str, str]]
    figures: Sequence[tuple[str, str]]
    rows_title: str
    marks_title: str


# -- charts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rates:
    """Rates with their intervals, by whose they are."""

    title: str
    told: str
    rates: Mapping[str, Rate]


class Point(NamedTuple):
    """How long it took, once."""

    number: int
    group: str
    at: str
    """When it began: UTC, ISO 8601."""
    ms: float | None
    outcome: str
    tone: Tone

    @property
    def came(self) -> bool:
        """In time or late: its time is one of the figures."""
        return self.tone in (Tone.GOOD, Tone.LATE) and self.ms is not None


@dataclass(frozen=True)
class Timings(Generic[Row]):
    """How long something took, over many rows, of one group or two; the lost are among them."""

    title: str
    """For a terminal."""
    who: str
    """Who took so long, or never came: `agent`."""
    rows: Sequence[Row]
    point: Callable[[Row], Point]
    groups: tuple[str, ...]
    late_ms: float | None
    """Where late begins."""


# -- findings and stories -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """A finding, and where it was found: by label."""

    finding: Finding
    where: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Findings:
    """What was found."""

    found: Sequence[Found]
    explained_once: bool
    """Whether a hint or a page that two of them share is given once."""


@dataclass(frozen=True)
class Diagnosis:
    """Causes, and what stands for, against and behind them: rows of a label and texts."""

    key: tuple[str, ...]
    """Two trials of the same key have the same general rows."""
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    general: frozenset[str]
    """Labels of the rows that are the same in every trial of its key."""

    def told(self, already: set[tuple[str, ...]]) -> list[tuple[str, tuple[str, ...]]]:
        """The rows; the general ones only once, for which `already` is kept."""
        again = self.key in already
        already.add(self.key)
        return [(label, texts) for label, texts in self.rows if not (again and label in self.general)]


@dataclass(frozen=True)
class Story:
    """All that is to be said of one trial or call."""

    index: int
    title: str
    mark: Span
    """Its outcome."""
    about: Line
    """Goes on behind the outcome."""
    brief: tuple[str, ...]
    """Where it took place, in short lines."""
    opening: Line
    """The same in whole sentences."""
    findings: Sequence[Finding] = ()
    diagnosis: Diagnosis | None = None
    timeline: Sequence[TimelineLine] = ()


@dataclass(frozen=True)
class Stories(Generic[Row]):
    """The rows that are shown one by one."""

    rows: Sequence[Row]
    index: Callable[[Row], int]
    findings: Callable[[Row], Sequence[Finding]]
    fails: Callable[[Row], bool]
    has_story: Callable[[Row], bool]
    """Whether there is anything to tell of it."""
    kinds: Callable[[Row], frozenset[str]]
    """Of two rows of the same kinds, one stands for both."""
    story: Callable[[Row], Story]
    told_at_once: int = 0
    """A terminal shows this many; of more, only the first of each kind."""


@dataclass(frozen=True)
class Leftovers:
    """Rooms that a run left behind."""

    rooms: Sequence[LeftoverRoom]


Block = (
    Paragraph
    | Heading
    | Marked
    | Warnings
    | CheckLine
    | Facts
    | Items
    | Listing
    | Cards
    | Table[Any]
    | Aside[Any]
    | Grid
    | Legend
    | Rates
    | Timings[Any]
    | Findings
    | Stories[Any]
    | Leftovers
)


# -- documents ----------------------------------------------------------------------------------------------------


class Part(StrEnum):
    """What a section is for. A renderer lists the parts that it shows, in its own order."""

    FIGURES = "figures"
    CHARTS = "charts"
    OVERVIEW = "overview"
    OVERVIEW_STORIES = "overview-stories"
    TABLE = "table"
    STORIES = "stories"
    FINDINGS = "findings"
    LEFTOVERS = "leftovers"
    NOTES = "notes"
    LOGS = "logs"
    EXAMPLE = "example"


@dataclass(frozen=True)
class Section:
    """A title, and what stands under it."""

    part: Part
    name: str
    """To link to it."""
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report, in the order in which a terminal shows it; the verdict is for a terminal to show last."""

    title: str
    run_id: str
    version: str
    """lkdiag's."""
    period: str
    verdict: Verdict
    headline: str
    paragraph: tuple[Line, ...]
    """The run in plain words, a sentence each."""
    ended: tuple[str, ...]
    """How it ended where it did not by itself, and what held it up."""
    expected: tuple[str, ...]
    """Whether it went as its scenario expects."""
    identity: Facts
    """What was tested, where and when."""
    client: Facts
    """This side."""
    options: Facts
    """Every setting of the scenario."""
    thresholds: tuple[Threshold, ...]
    sections: tuple[Section, ...]
    command: str
    """The command line that repeats it."""
