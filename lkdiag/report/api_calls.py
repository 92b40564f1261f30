"""How many API calls a run made: what its trials cost the project, and what was refused as too many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkdiag.timeline.call_failure import CallFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lkdiag.timeline import Event, Timeline


@dataclass(frozen=True)
class ApiCalls:
    """Calls of LiveKit's HTTP API."""

    total: int
    """Of the whole run: those before the first trial, of warm-up trials and of the clean-up too."""
    per_trial: float | None
    """What a trial, warm-up or not, needed of them in the mean; a call that was made for several is shared."""
    refused: int
    """Refused as too many (HTTP 429)."""


class ApiCallsSoFar:
    """Counts them, from what belongs to no trial, and trial by trial."""

    def __init__(self, run: Timeline) -> None:
        self._total = self._of_trials = self._refused = self._trials = 0
        for event in run.of("api.called"):
            # listRooms for several rooms at a time is recorded as the run's
            self._note(event, of_trial="rooms" in event.data)

    def note(self, trial: Timeline) -> None:
        """Take all of a trial's events."""
        self._trials += 1
        for event in trial.of("api.called"):
            self._note(event, of_trial=True)

    def _note(self, event: Event, *, of_trial: bool) -> None:
        self._total += 1
        self._of_trials += of_trial
        self._refused += event.data.get("failure") == CallFailure.THROTTLED

    def counted(self) -> ApiCalls:
        """So far."""
        per_trial = round(self._of_trials / self._trials, 1) if self._trials else None
        return ApiCalls(self._total, per_trial, self._refused)


def joined_by(options: Mapping[str, Any]) -> str | None:
    """How lkdiag's own participants joined; None where there were none, or an older lkdiag did not say."""
    own = options.get("agent_name") is None or options.get("control") or options.get("caller", "none") != "none"
    return options.get("join") if own else None
