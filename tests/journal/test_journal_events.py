"""A journal's events are read from its file when they are iterated over, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkdiag.errors import JournalError
from lkdiag.journal.event import Event
from lkdiag.journal.file import append_events, read_journal
from lkdiag.journal.timeline import InARow, selected

HONEST = Path(__file__).parent.parent / "journals" / "honest.jsonl"


def test_they_can_be_read_again_and_chosen_from() -> None:
    events = read_journal(HONEST).events
    once = list(events)
    assert list(events) == once
    assert list(events.selected(lambda kind, trial: kind == "job.offered" and trial == 1)) == [
        event for event in once if event.kind == "job.offered" and event.trial == 1
    ]


def test_what_is_written_afterwards_is_not_among_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(HONEST.read_bytes())
    journal = read_journal(path)
    before = list(journal.events)
    append_events(path, [Event(999, "later", 1, 1)])
    assert list(journal.events) == before
    assert len(list(read_journal(path).events)) == len(before) + 1


def test_a_whole_last_line_without_an_end_counts(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(HONEST.read_bytes().rstrip(b"\n"))
    assert list(read_journal(path).events) == list(read_journal(HONEST).events)
    assert read_journal(path).notes == ()


def test_a_torn_last_line_longer_than_is_looked_back_at_once_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(HONEST.read_bytes() + b'{"seq":1,"kind":"' + b"x" * 200_000)
    journal = read_journal(path)
    assert list(journal.events) == list(read_journal(HONEST).events)
    assert "torn" in journal.notes[0]


def test_one_that_is_broken_in_the_middle_says_where(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = HONEST.read_bytes().splitlines(keepends=True)
    lines[5] = b'{"seq":5,\n'
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalError, match="line 6 is not an event"):
        list(read_journal(path).events)


def test_several_sources_are_one() -> None:
    events, more = read_journal(HONEST).events, (Event(999, "later", 1, 1),)
    both = InARow(events, more)
    assert list(both) == list(both) == [*events, *more]
    assert list(selected(both, lambda kind, _: kind == "later")) == list(more)
