"""The lines on stderr that tell how long LiveKit has not been heard, and that it is heard again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.cli.notes import say

if TYPE_CHECKING:
    from lkdiag.timeline import Data, Event

MISSED = {
    "unanswered": "no answer from the server",
    "garbled": "no answer of LiveKit's own from the server",
}


def say_away(event: Event) -> None:
    """Say it, where the event is about that."""
    line = away_line(event)
    if line:
        say(line)


def away_line(event: Event) -> str:
    """The line; empty for any other event."""
    if event.kind == "server.heard":
        return f"the server answers lkdiag again, after {event.data['for_s']:.0f} s"
    return _missed(event.data) if event.kind == "server.missed" else ""


def _missed(data: Data) -> str:
    if data["failure"] == "throttled":
        so_far = f", and has done so for {data['for_s']:.0f} s" if data["for_s"] >= 1 else ""
        wait_s = round(data.get("wait_s", 0.0))  # left out of the journal where it is nothing
        waiting = f": waiting {wait_s} s" if wait_s else ""
        return f"the server refuses lkdiag's calls as too many (HTTP 429){so_far}{waiting}"
    return f"{MISSED[data['failure']]} for {data['for_s']:.0f} s: {data['error']}"
