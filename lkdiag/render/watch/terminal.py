"""What a watch shows on a console besides its dispatches: the calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.terminal_table import natural_width, plain, table
from lkdiag.render.watch.columns import COLUMNS, SYMBOL
from lkdiag.render.wording import plural
from lkdiag.report.watch_value import CallEnd

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from lkdiag.report.watch_value import CallReport, WatchReport

LISTED_CALLS = 50
"""Above so many a terminal shows only those that were left over."""
STYLE = {CallEnd.CLOSED: "green", CallEnd.LEFT_OVER: "bold red"}
SHORT = 5
"""So many columns say what became of a call; the others who and which it was."""
ROOM = 6


def calls(report: WatchReport, width: int, *, complete: bool) -> list[RenderableType]:
    """One table where it is wide enough; else what became of them, and the room."""
    if not report.calls:
        return [plain("No call was seen.")]
    few = complete or len(report.calls) <= LISTED_CALLS
    listed = [call for call in report.calls if few or call.ended is CallEnd.LEFT_OVER]
    narrow = (*COLUMNS[:SHORT], COLUMNS[ROOM])
    found: list[RenderableType] = []
    if listed:
        shown = COLUMNS if complete or _width(COLUMNS, listed) <= width else narrow
        headers = [(column.header, column.right) for column in shown]
        found.append(table(headers, ([_cell(call, column.cell(call)) for column in shown] for call in listed)))
    if len(listed) < len(report.calls):
        others = plural(len(report.calls) - len(listed), "other call")
        found.append(plain(f"{others}, none left over: shown with --verbose", "dim"))
    return found


def _width(shown: tuple[object, ...], listed: list[CallReport]) -> int:
    columns = [column for column in COLUMNS if column in shown]
    headers = [(column.header, column.right) for column in columns]
    return natural_width(headers, ([plain(column.cell(call)) for column in columns] for call in listed))


def _cell(call: CallReport, text: str) -> Text:
    return plain(text, STYLE.get(call.ended, "") if text.startswith(SYMBOL[call.ended]) else "")
