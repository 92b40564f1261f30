"""What the judge may know of the scenario: its terms, not what was broken on purpose, nor how the workers were cast.

Checks are typed against this, and import no scenario: so that a fault's draw can't reach a verdict by any way.
"""

from __future__ import annotations

from typing import Protocol


class Terms(Protocol):
    """The part of a DispatchScenario by which a trial is judged. All durations are in seconds."""

    @property
    def timeout_s(self) -> float:
        """An agent that has not joined by then is lost."""

    @property
    def delayed_after_s(self) -> float:
        """A later agent is late."""

    @property
    def settle_s(self) -> float:
        """How long a job may stay unlisted though its agent is there."""

    @property
    def fallback(self) -> bool:
        """Whether a second dispatch is tried for a trial whose agent never came."""

    @property
    def fallback_timeout_s(self) -> float:
        """How long its agent may take."""

    @property
    def gap_s(self) -> float:
        """The pause between two trials."""

    @property
    def job_type(self) -> str:
        """For which kind of job the probe registers: room, participant or publisher."""

    @property
    def webhooks(self) -> object:
        """None: no receiver of webhooks is part of the story. How one treats them is none of the judge's business."""

    @property
    def webhook_listen(self) -> object:
        """None: nobody said where a project's webhooks would come to."""
