"""On how many processes a run is spread: what the options say of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.scenario.shard import Shard

if TYPE_CHECKING:
    from lkdiag.cli.session import Session
    from lkdiag.timeline import Event


@dataclass(frozen=True)
class Spread:
    """Alone, as one share of a run that others play too, or by several processes that this one starts."""

    shard: Shard | None = None
    processes: int = 1
    cluster: str | None = None

    @property
    def of(self) -> int:
        """How many processes share the run's trials, as far as it is known before they are asked (a cluster)."""
        return self.processes if self.shard is None else self.shard.of

    def check(self, count: int | None, burst: int | None = None) -> None:
        """Raises UsageError where there are more processes than trials, or ways that exclude each other.

        `count` is None where a time is set instead.
        """
        given = [
            option
            for option, is_given in (
                ("--shard", self.shard is not None),
                ("--processes", self.processes != 1),
                ("--cluster", self.cluster is not None),
            )
            if is_given
        ]
        if len(given) > 1:
            raise UsageError(f"{given[0]} and {given[1]} exclude each other", "each says who plays the run's trials")
        if given and burst is not None:
            raise UsageError(
                f"--burst and {given[0]} exclude each other",
                "processes don't begin at the same instant, so it would be no burst: raise --burst in one process",
            )
        shard = self.shard or Shard(1, self.processes)
        if count is not None:
            shard.check(count)

    def over(self, session: Session) -> Session:
        """The session, played that way."""
        if self.processes == 1 and self.cluster is None:
            return session if self.shard is None else self._share(session, self.shard)
        from lkdiag.cli.many import ClusterSession, ProcessesSession

        # each process tells of its own trials: here nobody follows
        about = {field.name: getattr(session, field.name) for field in fields(session)} | {"watchers": (_nobody,)}
        if self.cluster is not None:
            return ClusterSession(**about, cluster=self.cluster)
        return ProcessesSession(
            **{**about, "merged": {"of": self.processes, "here": self.processes}}, processes=self.processes
        )

    def _share(self, session: Session, shard: Shard) -> Session:
        """Shards begin in the same second: by its number no other can have the same rooms, and close them."""
        from lkdiag.cli.recording import new_run_id

        return replace(session, shard=shard, run_id=f"{new_run_id()}-s{shard.index}")


def shard_of(text: str | None, group: str | None) -> Shard | None:
    """`--shard I/N` and `--run-group`; None where all trials are played here. Raises UsageError."""
    if text is None:
        if group is not None:
            raise UsageError("--run-group goes with --shard", "it tells the shards of one run from those of another")
        return None
    return Shard.parse(text, group)


def _nobody(_: Event) -> None:
    """A follower who looks away."""
