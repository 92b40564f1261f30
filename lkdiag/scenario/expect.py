"""What a scenario expects of its trials. The words are those of the contract (`lkdiag/contract.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from lkdiag import contract
from lkdiag.scenario.toml import Table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum

    Outcome = str
    State = str
    Mismatch = str
    Fallback = str
    Cause = str
    TeardownOutcome = str
    DispatchCheck = str
    TeardownCheck = str
else:

    def _one_of(words: Iterable[StrEnum], *more: str) -> Any:
        """The type of a word that is one of these."""
        return Literal[(*more, *(word.value for word in words))]

    Outcome = _one_of(contract.Outcome)
    State = _one_of(contract.State)
    Mismatch = _one_of(contract.Mismatch, "none")
    Fallback = _one_of(contract.Fallback)
    Cause = _one_of(contract.Cause)
    TeardownOutcome = _one_of(contract.TeardownOutcome)
    DispatchCheck = _one_of(contract.DISPATCH_CHECKS)
    TeardownCheck = _one_of(contract.TEARDOWN_CHECKS)

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
