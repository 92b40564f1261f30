"""Makes one journal of those of many shards: each shard's events whole, and what is missing written down as missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.checks.missing_trials import KIND
from lkdiag.errors import JournalError
from lkdiag.journal import read_journal
from lkdiag.scenario.shard import Shard
from lkdiag.timeline.shards import BEGAN, ENDED
from lkdiag.trial.schedule import plan_trials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkdiag.scenario.dispatch import DispatchScenario
    from lkdiag.shard.source import Sources
    from lkdiag.timeline import Event, Recorder

NO_JOURNAL = "there is no journal of it"
GIVEN_UP = ("run.aborted", "run.crashed")
ENDS = (*GIVEN_UP, "run.finished", "run.interrupted")


def merge_into(recorder: Recorder, sources: Sources, lost: Mapping[int, str] | None = None) -> None:
    """Write the shards' events behind what the merged run has said of itself so far.

    `lost` says what became of a shard, by its number, where more is known than its journal tells.
    """
    why = dict(lost or {})
    given_up: list[str | None] = []
    for note in sources.notes:
        recorder.record("merge.noted", text=note)
    for source in sources.found:
        shard, seen = source.shard, Seen()
        recorder.record(BEGAN, index=shard.index, of=shard.of, run_id=source.run_id)
        try:
            journal = read_journal(source.path)
            noted = list(journal.notes)
            for event in journal.events:
                seen.note(event)
                recorder.adopt(event, _number(event.trial, shard, sources.scenario))
        except JournalError as error:
            noted = [error.message]
        recorder.record(ENDED, index=shard.index)
        for note in noted:
            recorder.record("merge.noted", text=f"shard {shard.index}: {note}")
        given_up.append(seen.given_up)
        reason = why.pop(shard.index, None) or seen.end
        _note_missing(recorder, sources.scenario, shard, seen, reason, run_id=_swept_as(source.run_id))
    for index in sources.absent:
        reason = why.pop(index, NO_JOURNAL)
        _note_missing(recorder, sources.scenario, Shard(index, sources.of), Seen(), reason)
    if not sources.absent and given_up[0] is not None and all(given_up):
        recorder.record("run.aborted", reason=given_up[0])


class Seen:
    """What there was in a shard's journal."""

    def __init__(self) -> None:
        self.accounted: set[int] = set()
        """The trials that began, and those that were due while too many others went on."""
        self._last: dict[str, Event] = {}

    def note(self, event: Event) -> None:
        """Take an event."""
        if event.kind == "trial.started" and event.trial is not None:
            self.accounted.add(event.trial)
        elif event.kind == "trial.not_begun":
            self.accounted.add(int(event.data["planned"]))
        elif event.trial is None and event.kind in ENDS:
            self._last[event.kind] = event

    @property
    def given_up(self) -> str | None:
        """Why lkdiag itself ended it, if it did."""
        return next((str(self._last[kind].data["reason"]) for kind in GIVEN_UP if kind in self._last), None)

    @property
    def came_to_its_end(self) -> bool:
        """Whether it played all that it was to play."""
        return set(self._last) == {"run.finished"}

    @property
    def end(self) -> str:
        """How it ended, in a few words."""
        if self.given_up is not None:
            return f"given up: {self.given_up}"
        if "run.finished" not in self._last:
            return "it was killed"
        return "it was interrupted" if "run.interrupted" in self._last else "it ended early"


def _note_missing(
    recorder: Recorder,
    scenario: DispatchScenario,
    shard: Shard,
    seen: Seen,
    reason: str,
    **about: Any,
) -> None:
    """What was planned and never began. A trial that was cut off in the middle is there, and judged as such."""
    about |= {"index": shard.index, "of": shard.of, "reason": reason}
    if scenario.duration_s is not None:
        # trials without a number: of a shard that did not get to the end of its time nobody knows how many there were
        if not seen.came_to_its_end:
            recorder.record(KIND, trials=[], **about)
        return
    planned = [trial.index for trial in plan_trials(scenario, shard=shard) if not trial.warmup]
    missing = [index for index in planned if index not in seen.accounted]
    if missing:
        recorder.record(KIND, trials=missing, planned=len(planned), **about)


def _swept_as(run_id: str) -> str:
    """By which `lkdiag sweep --run` finds its rooms: a process of several has a number behind the run's id."""
    return run_id.rpartition("-s")[0] or run_id


def _number(trial: int | None, shard: Shard, scenario: DispatchScenario) -> int | None:
    """Trials have the numbers of the whole run; only the warm-ups are each shard's own, and need one."""
    if trial is None or trial > 0:
        return trial
    return trial - (shard.index - 1) * scenario.warmup
