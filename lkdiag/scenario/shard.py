"""A share of a run's trials: what one process of several runs, here or on another machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lkdiag.errors import UsageError

SHARDS_MAX = 1000
_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}")


@dataclass(frozen=True)
class Shard:
    """The `index`-th (from 1) of `of` shares. Raises UsageError when made of numbers that make no sense."""

    index: int
    of: int
    group: str | None = None
    """Which run it is a share of, where the user gave it a name."""

    def __post_init__(self) -> None:
        if not 1 <= self.of <= SHARDS_MAX:
            raise UsageError(f"{self.of} shards", f"there can be 1 to {SHARDS_MAX}")
        if not 1 <= self.index <= self.of:
            raise UsageError(
                f"there is no shard {self.index} of {self.of}",
                f"they are counted from 1 to {self.of}; Kubernetes counts from 0: $((JOB_COMPLETION_INDEX + 1))",
            )
        if self.group is not None and not _GROUP.fullmatch(self.group):
            raise UsageError(
                f"{self.group!r} can't be the name of a group of runs",
                "letters, digits, and - _ . : @ after the first, up to 128 of them",
            )

    @classmethod
    def parse(cls, text: str, group: str | None = None) -> Shard:
        """`2/8`. Raises UsageError."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise UsageError(f"--shard is {text!r}", "write it as I/N: --shard 2/8 is the second of eight")
        return cls(int(found[1]), int(found[2]), group)

    def check(self, count: int) -> None:
        """Raises UsageError where there are more shards than trials of the subject."""
        if self.of > count:
            raise UsageError(
                f"{self.of} shards of {count} trials", "each needs one at least: raise --count, or have fewer"
            )

    def has(self, number: int) -> bool:
        """Whether the `number`-th (from 1) of the subject's trials, or of the control's, is in this share."""
        return (number - 1) % self.of == self.index - 1

    def recorded(self, **trials: int) -> dict[str, Any]:
        """As it stands in `run.started`, with how many trials of each kind it has, where a number was set."""
        group = {} if self.group is None else {"group": self.group}
        return {"index": self.index, "of": self.of, **group, **trials}
