"""What a sweep is asked for: whose rooms, how old, and whether they are to go."""

from __future__ import annotations

from dataclasses import dataclass

from lkdiag.errors import UsageError
from lkdiag.timeline.room_name import RUN_ID_FORM, is_run_id


@dataclass(frozen=True)
class SweepScenario:
    """Raises UsageError when made of values that make no sense together."""

    run_id: str | None = None
    """Of lkdiag's rooms, this run's only."""
    older_than_s: float | None = None
    """Only rooms of at least that age."""
    lone_sip: bool = False
    """Rooms of others too, if one SIP participant is left in them."""
    delete: bool = False
    yes: bool = False
    """With `delete`: rooms of others too."""

    def __post_init__(self) -> None:
        if self.run_id is not None and not is_run_id(self.run_id):
            raise UsageError(
                f"--run {self.run_id!r} is not the id of a run",
                f"it has the form {RUN_ID_FORM}, as in its rooms' names",
            )
        if self.yes and not (self.delete and self.lone_sip):
            raise UsageError("--yes goes with --lone-sip --delete", "lkdiag's own rooms are deleted by --delete alone")

    @property
    def spares_young(self) -> bool:
        """Whether rooms that may still be in use are left alone: nobody said which run, or which age."""
        return self.run_id is None and self.older_than_s is None
