"""Takes the job, and its worker dies: JS_RUNNING stays for ever, by a worker that is gone.

It dies once it has the assignment. Any earlier, and it would be chance whether livekit-server sees first the answer or
the loss of the socket (v1.13.5 pkg/agent/worker.go, AssignJob).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment


class CrashAfterAccept(Honest):
    """Accepts, and its worker dies and does not come back."""

    own_worker: ClassVar[bool] = True

    async def on_assignment(self, assignment: Assignment) -> None:
        """Die."""
        await assignment.line.drop(None)
