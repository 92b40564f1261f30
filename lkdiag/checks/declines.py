"""A job that is listed though its worker declined it: by what it is known.

A worker may decline with `terminate`, as `req.reject()` of Python does (livekit-agents since #4173 of December 2025,
livekit/agents/job.py: `terminate` is True by default). The server then asks no other worker, and lists the job as
JS_SUCCESS with one moment for its start, its last change and its end, and with nobody's identity (livekit-server
v1.13.5 pkg/agent/worker.go, AssignJob; since v1.9.2, #3948). A job that was given to a worker has an identity, and ends
in a moment of its own (same file, UpdateJobStatus). An older server, and Node's `reject()`, leave no job at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = "a job that was declined (JS_SUCCESS, and ended in the moment in which it began)"


def was_declined(job: Mapping[str, Any] | None) -> bool:
    """Whether a job, as listDispatch shows it, is exactly that; None is no job."""
    if job is None or job.get("status") != "JS_SUCCESS" or not job.get("worker_id"):
        return False
    if job.get("participant_identity") or job.get("error"):
        return False
    moments = {job.get(f"{what}_at_ns") for what in ("started", "updated", "ended")}
    return len(moments) == 1 and moments != {None}
