"""What a scenario expects of its trials. The words are those of the verdicts in lkdiag.checks, which stand above."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from lkdiag.scenario.table import Table

Outcome = Literal["delivered", "delayed", "dropped", "error", "inconclusive"]
State = Literal["no-dispatch", "no-job", "pending", "running", "success", "failed", "cancelled"]
Mismatch = Literal["none", "false-running", "unreported", "failed-present", "wrong-worker"]
Fallback = Literal["not-needed", "rescued", "lost", "unclear", "off"]
Cause = Literal[
    "lost-before-worker",
    "worker-silent",
    "worker-declined",
    "worker-answered-late",
    "assignment-lost",
    "worker-never-joined",
    "no-worker",
    "worker-full",
    "wrong-name",
    "room-existed",
    "room-came-back",
    "slow-platform",
    "slow-answer",
    "slow-join",
    "cold-start",
    "foreign-worker",
    "second-agent",
    "left-early",
    "waits-for-participant",
    "waits-for-track",
    "client-blind",
    "webhook-missing",
    "webhook-late",
    "webhook-doubled",
]
TeardownOutcome = Literal["closed", "slow", "leftover", "error", "inconclusive"]
DispatchCheck = Literal[
    "changing-worker",
    "check-crashed",
    "client-blind",
    "cold-start",
    "control-comparison",
    "delayed",
    "dropped",
    "failed-present",
    "false-running",
    "leftover-room",
    "left-early",
    "missing-trials",
    "name-reuse",
    "nobody-answers",
    "not-carried-out",
    "not-fit",
    "second-agent",
    "unreported",
    "webhook-doubled",
    "webhook-late",
    "webhook-missing",
    "wrong-worker",
]
TeardownCheck = Literal[
    "cleanup-never-ran",
    "cleanup-raised",
    "cut-short",
    "leftover-room",
    "not-carried-out",
    "not-fit",
    "slow-close",
    "survivor-stranded",
    "unhandled-error",
    "webhook-missing",
]
SOME = Meta(min_length=1)
Of = Annotated[Literal["all", "some"], Meta(description="Of every trial, or of one at least.")]


class Expect(Table, frozen=True):
    """Each key one value or a list of them, of which any will do; `findings` are all expected, others may be there."""

    of: Of = "all"

    def allowed(self, key: str) -> tuple[str, ...]:
        """The values of `outcome`, `state`, `mismatch`, `fallback` or `cause` that will do; empty: any."""
        value = getattr(self, key, ())
        return (value,) if isinstance(value, str) else tuple(value)

    @property
    def required_findings(self) -> tuple[str, ...]:
        """The checks that have to have said something."""
        return self.allowed("findings")


class DispatchExpect(Expect, frozen=True):
    """What is expected of a dispatch."""

    outcome: Outcome | Annotated[tuple[Outcome, ...], SOME] = ()
    state: State | Annotated[tuple[State, ...], SOME] = ()
    mismatch: Mismatch | Annotated[tuple[Mismatch, ...], SOME] = ()
    fallback: Fallback | Annotated[tuple[Fallback, ...], SOME] = ()
    cause: Cause | Annotated[tuple[Cause, ...], SOME] = ()
    findings: DispatchCheck | Annotated[tuple[DispatchCheck, ...], SOME] = ()


class TeardownExpect(Expect, frozen=True):
    """What is expected of a call."""

    outcome: TeardownOutcome | Annotated[tuple[TeardownOutcome, ...], SOME] = ()
    findings: TeardownCheck | Annotated[tuple[TeardownCheck, ...], SOME] = ()
