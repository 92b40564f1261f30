"""What a sweep is asked for: whose rooms, how old, and whether they are to go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lkdiag.errors import UsageError
from lkdiag.journal.room_name import RUN_ID_FORM, is_run_id
from lkdiag.scenario.option import Option, Options

ROOMS = "Which rooms"
DELETION = "Deletion"


@dataclass(frozen=True)
class SweepScenario(Options):
    """Raises UsageError when made of values that make no sense together."""

    run_id: Annotated[
        str | None, Option("Of lkdiag's rooms, this run's only.", panel=ROOMS, key="run", metavar="RUN")
    ] = None
    older_than_s: Annotated[
        float | None,
        Option(
            "Only rooms of that age: 90s, 10m, 2h. In rooms of others the caller too has to be there so long.",
            panel=ROOMS,
        ),
    ] = None
    lone_sip: Annotated[
        bool, Option("Also rooms of others with one SIP participant and nobody else but agents.", panel=ROOMS)
    ] = False
    delete: Annotated[bool, Option("Delete lkdiag's own rooms among them.", panel=DELETION)] = False
    yes: Annotated[
        bool,
        Option("With --lone-sip --delete: the rooms of others too. The caller is disconnected.", panel=DELETION),
    ] = False

    def __post_init__(self) -> None:
        super().__post_init__()
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
