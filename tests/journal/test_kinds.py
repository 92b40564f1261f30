"""Every kind of event is declared once, and recorded journals say nothing that is not declared."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from lkdiag.journal.catalogue import catalogue
from lkdiag.journal.event import Event
from lkdiag.journal.file import read_journal
from lkdiag.journal.participant_kinds import CallerJoined, Joined
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.row import Row, row_class, row_of
from lkdiag.journal.timeline import Timeline
from lkdiag.journal.trial_kinds import (
    CallStarted,
    CreatedByCall,
    DispatchStarted,
    TrialDue,
    TrialFinished,
    TrialStarted,
)
from lkdiag.journal.worker_kinds import JobOffered, Offered
from lkdiag.report.narrative import story

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
JOURNALS = sorted((ROOT / "tests" / "journals").rglob("*.jsonl"))
EXTRA = {"step.began"}
"""Their fields depend on the step."""


def fields_of(kind: str) -> dict[str, bool]:
    """By name, whether each is optional; of all shapes that the kind has."""
    what = "{who}" + kind[kind.rindex(".") :]
    shapes = [one for one in catalogue() if kind in one.names] or [one for one in catalogue() if what in one.names]
    assert shapes, f"{kind} is not declared"
    found = [{field.name: field.optional for field in shape.fields} for shape in shapes]
    names = {name for shape in found for name in shape}
    return {name: not all(shape.get(name) is False for shape in found) for name in names}


@pytest.mark.parametrize("path", JOURNALS, ids=[path.stem for path in JOURNALS])
def test_recorded_events_are_read_and_written_through_their_rows(path: Path) -> None:
    encoder = msgspec.json.Encoder()
    recorded = list(read_journal(path).events)
    written: list[Event] = []
    known = {kind: fields_of(kind) for kind in {event.kind for event in recorded}}
    for event in recorded:
        row = event.row
        assert type(row) is not Row
        fields = known[event.kind]
        assert event.kind in EXTRA or event.data.keys() <= fields.keys(), event
        assert {name for name, optional in fields.items() if not optional} <= event.data.keys(), event
        recorder = Recorder(written.append, wall_ns=partial(int, event.at_ns), mono_ns=partial(int, event.mono_ns))
        recorder.record(type(row)(**event.data), event.trial)
    for event, again in zip(recorded, written, strict=True):
        assert encoder.encode((again.kind, again.at_ns, again.mono_ns, again.trial, again.data)) == encoder.encode(
            (event.kind, event.at_ns, event.mono_ns, event.trial, event.data)
        )


def test_only_a_declared_kind_is_recorded() -> None:
    recorder = Recorder(wall_ns=lambda: 1, mono_ns=lambda: 2)
    for row in (row_of("newer.kind", {"a": 1}), CreatedByCall(dispatch_id="AD_1", agent_name="a")):
        with pytest.raises(TypeError, match="is no kind of event"):
            recorder.record(row)
    with pytest.raises(TypeError, match="declared twice"):
        type("Again", (Row,), {}, kind="trial.due")


def test_what_is_none_is_not_written() -> None:
    event = Recorder(wall_ns=lambda: 1, mono_ns=lambda: 2).record(
        DispatchStarted(
            room="r", role="subject", warmup=False, on_probe=True, method="token", agent_name="a", case=None
        )
    )
    assert list(event.data) == ["room", "role", "warmup", "on_probe", "method", "agent_name"]
    assert event.kind == "trial.started"


def test_kinds_and_fields_of_a_newer_lkdiag_are_kept() -> None:
    newer, more = Event(0, "newer.kind", 0, 0, 1, {"words": 1, "LANE": 2}), Event(1, "trial.due", 0, 0, 1, {"due": 1})
    assert row_class("newer.kind") is Row
    assert [(line.lane, line.text) for line in story(Timeline([newer, more]), ())] == [
        ("lkdiag", "newer.kind"),
        ("lkdiag", "the trial was due, by --rate"),
    ]
    assert vars(more.row) is more.data
    with pytest.raises(AttributeError, match="due_mono_ns"):
        _ = Timeline([more]).of(TrialDue)[0].row.due_mono_ns


def test_several_kinds_with_the_same_fields_are_told_apart() -> None:
    assert (Joined.for_who("caller"), CallerJoined.KIND) == (CallerJoined, "caller.joined")
    assert isinstance(row_of("alice.joined", {}), Joined)
    assert row_of("alice.joined", {}).words() == "alice.joined"
    assert (JobOffered.KIND, Offered.KINDS) == ("job.offered", ("job.offered", "staged.offered"))
    assert not isinstance(row_of("staged.offered", {}), JobOffered)
    shapes = [{"room": "r", "method": "token"}, {"room": "r", "cleanup": "off"}, {"room": "r"}]
    assert [type(row_of("trial.started", data)) for data in shapes] == [DispatchStarted, CallStarted, TrialStarted]


def test_a_timeline_is_asked_by_kind_or_by_what_kinds_have_in_common() -> None:
    kinds = ("dispatch.created", "trial.finished", "retry.created")
    timeline = Timeline(Event(seq, kind, 0, 0, 1, {"dispatch_id": f"AD_{seq}"}) for seq, kind in enumerate(kinds))
    assert [event.row.dispatch_id for event in timeline.of(CreatedByCall)] == ["AD_0", "AD_2"]
    assert [event.seq for event in (timeline.first(TrialFinished), timeline.last(CreatedByCall)) if event] == [1, 2]
    assert timeline.of(TrialDue) == ()


def test_the_page_has_every_kind_with_a_sentence() -> None:
    page = (ROOT / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
    kinds = catalogue()
    assert len({name for kind in kinds for name in kind.names}) > 100
    assert all(kind.doc.endswith(".") and f"`{kind.names[0]}`" in page for kind in kinds)
    assert "`due_mono_ns`" in page


def literals() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "lkdiag").rglob("*.py")):
        if path.parent.name == "journal" and path.stem.endswith("_kinds"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.value


def test_kinds_are_named_by_their_class() -> None:
    """A literal would be one more place in which the kind is said."""
    known = {name for kind in catalogue() for name in kind.names}
    assert not [(str(path.relative_to(ROOT)), text) for path, text in literals() if text in known]
