"""The journals of a run's shards: whether they belong together, and which are not there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lkdiag.errors import JournalError, UsageError
from lkdiag.journal import read_journal
from lkdiag.report.about import scenario_of
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lkdiag.timeline import Event

FIXED = ("count", "duration_s", "control", "control_share", "warmup")
"""Settings that decide which trials there are: of others nothing can be put together."""
ALIKE = ("scenario", "project_host", "lkdiag_version")
"""What else has to be the same in every shard, of `run.started`."""


@dataclass(frozen=True)
class Source:
    """One shard's journal."""

    path: Path
    started: Event
    shard: Shard

    @property
    def run_id(self) -> str:
        """Under which its rooms were made."""
        return str(self.started.data["run_id"])

    @classmethod
    def of(cls, path: Path) -> Source:
        """Raises JournalError when it is no journal, UsageError when it is not one of a shard."""
        started = read_journal(path).started
        data = started.data.get("shard")
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
class Sources:
    """Shards of one run, in their order."""

    scenario: DispatchScenario
    of: int
    found: tuple[Source, ...]
    notes: tuple[str, ...]
    """What differs between them, and was allowed to."""

    @property
    def absent(self) -> tuple[int, ...]:
        """Shards without a journal."""
        there = {source.shard.index for source in self.found}
        return tuple(index for index in range(1, self.of + 1) if index not in there)


def read_sources(paths: Sequence[Path], *, force: bool = False) -> Sources:
    """Check that these are shards of one run. Raises JournalError and UsageError.

    With `force` settings, project and versions may differ: then it is noted. The same shard twice is refused always.
    A journal without a single line is noted: its shard was killed before it began.
    """
    notes = [f"{path} is empty: that shard was killed before it began" for path in paths if _is_empty(path)]
    found = sorted((Source.of(path) for path in paths if not _is_empty(path)), key=lambda source: source.shard.index)
    if not found:
        raise UsageError("there is no shard to merge", "name the runs of `lkdiag dispatch-trial --shard I/N`")
    first = found[0]
    for source in found[1:]:
        if (source.shard.of, source.shard.group) != (first.shard.of, first.shard.group):
            raise UsageError(
                f"{_told(source)} and {_told(first)} are of different runs",
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
    return Sources(
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


def _differences(first: Source, other: Source) -> list[tuple[str, str]]:
    """Each by its name, and in words."""
    a, b = first.started.data, other.started.data
    pairs: list[tuple[str, Any, Any]] = [(name, a.get(name), b.get(name)) for name in ALIKE]
    mine, others = a.get("options", {}), b.get("options", {})
    pairs += [(name, mine.get(name), others.get(name)) for name in dict.fromkeys((*mine, *others))]
    return [
        (name, f"{name} is {of_first!r} in shard {first.shard.index}, {of_other!r} in shard {other.shard.index}")
        for name, of_first, of_other in pairs
        if of_first != of_other
    ]


def _told(source: Source) -> str:
    group = f" of {source.shard.group!r}" if source.shard.group is not None else ""
    return f"shard {source.shard.index}/{source.shard.of}{group} ({source.run_id})"
