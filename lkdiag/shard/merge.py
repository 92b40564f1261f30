"""Merges the journals of shards into one: all events of each shard, and a record of what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lkdiag.errors import JournalError, UsageError
from lkdiag.journal.file import read_journal
from lkdiag.journal.run_kinds import (
    MergeNoted,
    RunAborted,
    RunCrashed,
    RunFinished,
    RunInterrupted,
    ShardBegan,
    ShardEnded,
    TrialsMissing,
)
from lkdiag.journal.trial_kinds import TrialNotBegun, TrialStarted
from lkdiag.report.about import scenario_of
from lkdiag.run.plan import plan_trials
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import Recorder
    from lkdiag.journal.row import Row
    from lkdiag.journal.run_kinds import RunStarted


FIXED = ("count", "duration_s", "control", "control_share", "warmup")
"""Settings that decide which trials there are. Shards that differ in them can't be merged."""
ALIKE = ("scenario", "project_host", "lkdiag_version")
"""Fields of `run.started` that also have to be the same in every shard."""


@dataclass(frozen=True)
class ShardJournal:
    """One shard's journal."""

    path: Path
    started: Event[RunStarted]
    shard: Shard

    @property
    def run_id(self) -> str:
        """The run id in the names of its rooms."""
        return self.started.row.run_id

    @classmethod
    def of(cls, path: Path) -> ShardJournal:
        """Read it. Raises JournalError if it is no journal, UsageError if it is not the journal of a shard."""
        started = read_journal(path).started
        data = started.row.shard
        if not isinstance(data, dict):
            raise UsageError(
                f"{path} is not the journal of a shard",
                "only runs of `dispatch-trial --shard I/N` can be merged; `lkdiag compare` sets others side by side",
            )
        try:
            return cls(path, started, Shard(int(data["index"]), int(data["of"]), data.get("group")))
        except (KeyError, TypeError, ValueError) as error:
            raise JournalError(f"{path}: its shard can't be read", "the file was changed") from error


@dataclass(frozen=True)
class ShardJournals:
    """The journals of one run's shards, in order."""

    scenario: DispatchScenario
    of: int
    found: tuple[ShardJournal, ...]
    notes: tuple[str, ...]
    """Differences between them that --force allowed, and empty journals."""

    @property
    def absent(self) -> tuple[int, ...]:
        """The numbers of the shards without a journal."""
        there = {source.shard.index for source in self.found}
        return tuple(index for index in range(1, self.of + 1) if index not in there)


def read_shards(paths: Sequence[Path], *, force: bool = False) -> ShardJournals:
    """Read the journals and check that they are shards of one run. Raises JournalError and UsageError.

    With `force`, settings, project and versions may differ, which is noted. The same shard twice is always refused. An
    empty journal is noted: its shard was killed before it began.
    """
    notes = [f"{path} is empty: that shard was killed before it began" for path in paths if _is_empty(path)]
    found = sorted(
        (ShardJournal.of(path) for path in paths if not _is_empty(path)), key=lambda source: source.shard.index
    )
    if not found:
        raise UsageError("there is no shard to merge", "name the runs of `lkdiag dispatch-trial --shard I/N`")
    first = found[0]
    for source in found[1:]:
        if (source.shard.of, source.shard.group) != (first.shard.of, first.shard.group):
            raise UsageError(
                f"{_name_of(source)} and {_name_of(first)} are of different runs",
                "merge the shards of one run only; --run-group tells them apart",
            )
    for one, other in pairwise(found):
        if one.shard.index == other.shard.index:
            raise UsageError(
                f"shard {one.shard.index} of {one.shard.of} is there twice: {one.run_id} and {other.run_id}",
                "name the one that counts",
            )
    different = [difference for source in found[1:] for difference in _differences(first, source)]
    fixed = next((text for name, text in different if name in FIXED), None)
    if fixed is not None or (different and not force):
        text = fixed or different[0][1]
        hint = "they are shares of different trials" if fixed else "--force merges them all the same, and says so"
        raise UsageError(f"the shards don't belong together: {text}", hint)
    return ShardJournals(
        scenario_of(first.started, DispatchScenario),
        first.shard.of,
        tuple(found),
        (*notes, *(f"the shards differ: {text}" for _, text in different)),
    )


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError as error:
        raise JournalError(f"{path} can't be read: {error.strerror}", "check its permissions") from error


def _differences(first: ShardJournal, other: ShardJournal) -> list[tuple[str, str]]:
    """Each difference as its field and a sentence."""
    a, b = first.started.data, other.started.data
    pairs: list[tuple[str, Any, Any]] = [(name, a.get(name), b.get(name)) for name in ALIKE]
    mine, others = a.get("options", {}), b.get("options", {})
    pairs += [(name, mine.get(name), others.get(name)) for name in dict.fromkeys((*mine, *others))]
    return [
        (name, f"{name} is {of_first!r} in shard {first.shard.index}, {of_other!r} in shard {other.shard.index}")
        for name, of_first, of_other in pairs
        if of_first != of_other
    ]


def _name_of(source: ShardJournal) -> str:
    group = f" of {source.shard.group!r}" if source.shard.group is not None else ""
    return f"shard {source.shard.index}/{source.shard.of}{group} ({source.run_id})"


NO_JOURNAL = "there is no journal of it"
GIVEN_UP = (RunAborted, RunCrashed)
ENDS = (*GIVEN_UP, RunFinished, RunInterrupted)
SUMMED_UP = frozenset(kind for row in (TrialStarted, TrialNotBegun, *ENDS) for kind in row.KINDS)


def merge_into(recorder: Recorder, sources: ShardJournals, lost: Mapping[int, str] | None = None) -> None:
    """Append the shards' events to the merged run's journal.

    `lost` says what happened to a shard, by its number, if more is known than its journal says.
    """
    why = dict(lost or {})
    given_up: list[str | None] = []
    for note in sources.notes:
        recorder.record(MergeNoted(text=note))
    for source in sources.found:
        shard, seen = source.shard, ShardSummary()
        recorder.record(ShardBegan(index=shard.index, of=shard.of, run_id=source.run_id))
        try:
            journal = read_journal(source.path)
            noted = list(journal.notes)
            for event in journal.events:
                seen.note(event)
                recorder.adopt(event, _number(event.trial, shard, sources.scenario))
        except JournalError as error:
            noted = [error.message]
        recorder.record(ShardEnded(index=shard.index))
        for note in noted:
            recorder.record(MergeNoted(text=f"shard {shard.index}: {note}"))
        given_up.append(seen.given_up)
        reason = why.pop(shard.index, None) or seen.end
        _note_missing(recorder, sources.scenario, shard, seen, reason, run_id=_swept_as(source.run_id))
    for index in sources.absent:
        reason = why.pop(index, NO_JOURNAL)
        _note_missing(recorder, sources.scenario, Shard(index, sources.of), ShardSummary(), reason)
    if not sources.absent and given_up[0] is not None and all(given_up):
        recorder.record(RunAborted(reason=given_up[0]))


class ShardSummary:
    """What a shard's journal contains: its trials and how it ended."""

    def __init__(self) -> None:
        self.accounted: set[int] = set()
        """The trials that began, and those that were due while too many were in progress."""
        self._last: dict[type[Row], Row] = {}

    def note(self, event: Event) -> None:
        """Take an event."""
        if event.kind not in SUMMED_UP:
            return
        row = event.row
        if isinstance(row, TrialStarted) and event.trial is not None:
            self.accounted.add(event.trial)
        elif isinstance(row, TrialNotBegun):
            self.accounted.add(row.planned)
        elif event.trial is None and isinstance(row, ENDS):
            self._last[type(row)] = row

    @property
    def given_up(self) -> str | None:
        """Why lkdiag itself ended the shard's run, or None."""
        rows = (self._last.get(kind) for kind in GIVEN_UP)
        return next((row.reason for row in rows if isinstance(row, GIVEN_UP)), None)

    @property
    def came_to_its_end(self) -> bool:
        """Whether it ran all of its trials."""
        return set(self._last) == {RunFinished}

    @property
    def end(self) -> str:
        """How it ended, for people."""
        if self.given_up is not None:
            return f"given up: {self.given_up}"
        if RunFinished not in self._last:
            return "it was killed"
        return "it was interrupted" if RunInterrupted in self._last else "it ended early"


def _note_missing(
    recorder: Recorder,
    scenario: DispatchScenario,
    shard: Shard,
    seen: ShardSummary,
    reason: str,
    **about: Any,
) -> None:
    """Record trials that were planned and never began. An interrupted trial is in the journal, and judged as such."""
    about |= {"index": shard.index, "of": shard.of, "reason": reason}
    if scenario.duration_s is not None:
        # no trial numbers: how many trials are missing from an incomplete shard is unknown
        if not seen.came_to_its_end:
            recorder.record(TrialsMissing(trials=[], **about))
        return
    planned = [trial.index for trial in plan_trials(scenario, shard=shard) if not trial.warmup]
    missing = [index for index in planned if index not in seen.accounted]
    if missing:
        recorder.record(TrialsMissing(trials=missing, planned=len(planned), **about))


def _swept_as(run_id: str) -> str:
    """The id for `lkdiag sweep --run`: without the number that one of several processes appends to the run's id."""
    return run_id.rpartition("-s")[0] or run_id


def _number(trial: int | None, shard: Shard, scenario: DispatchScenario) -> int | None:
    """A trial's number in the merged run. Only warm-up trials are numbered by shard, and get new numbers."""
    if trial is None or trial > 0:
        return trial
    return trial - (shard.index - 1) * scenario.warmup
