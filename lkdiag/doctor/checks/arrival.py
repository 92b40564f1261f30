"""One dispatch to a room of the doctor's own, and whether its agent comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkdiag.timeline.attribution import agents_of_dispatch, dispatch_under_test, identities_of, jobs_of
from lkdiag.trial.watch import RoomView, RoomWatcher

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench

DELAYED_AFTER_MS = 2000.0
"""As `delayed` in a dispatch trial."""
LISTED_WITHIN_S = 6.0
"""In steady state a job is listed with its agent, after workers have changed 5 s later (livekit-server 1.13.5)."""


@dataclass(frozen=True)
class Arrival:
    """What became of a dispatch."""

    room: str
    sid: str
    latency_ms: float | None
    """From the room's creation to the agent's joining, both by the server's clock; None: it did not come."""
    dispatch: dict[str, Any] | None
    job: dict[str, Any] | None

    @property
    def ids(self) -> dict[str, str]:
        """Every id that is known, by label."""
        job, dispatch = self.job or {}, self.dispatch or {}
        found = {
            "room": f"{self.room} ({self.sid})",
            "dispatch": dispatch.get("dispatch_id", ""),
            "job": job.get("job_id", ""),
            "job_status": job.get("status", ""),
            "worker": job.get("worker_id", ""),
        }
        return {label: text for label, text in found.items() if text}


async def dispatch_once(bench: Bench, name: str, agent_name: str, wait_s: float, *, wait_listed: bool) -> Arrival:
    """Create a room that asks for the agent, and wait so long for it. Raises ApiCallError and SightLostError.

    `wait_listed`: also until listDispatch has had the time to name its job, so that the worker is known.
    """
    sid = await bench.make_room(name, agent_name)
    created_ms = next(e for e in reversed(bench.events) if e.kind == "room.created").data["creation_time_ms"]
    watcher = RoomWatcher(bench.control, bench.run, name)

    def of(view: RoomView) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        dispatch = dispatch_under_test(view.dispatches, agent_name, None)
        own = identities_of(jobs_of(dispatch))
        return dispatch, agents_of_dispatch(view.participants.values(), agent_name, own, set())

    def deadline_ns(after_s: float) -> int:
        return bench.recorder.now_mono_ns() + int(after_s * 1e9)

    last_listed_ns = deadline_ns(max(wait_s, LISTED_WITHIN_S))
    came = await watcher.wait_until(lambda view: bool(of(view)[1]), deadline_ns(wait_s))
    if not came and wait_listed:  # perhaps a worker has taken it, and is only listed late
        await watcher.wait_until(lambda view: bool(jobs_of(of(view)[0]) or of(view)[1]), last_listed_ns)
    elif wait_listed:
        await watcher.wait_until(lambda view: bool(jobs_of(of(view)[0])), deadline_ns(LISTED_WITHIN_S))
    dispatch, agents = of(watcher.view)
    jobs = jobs_of(dispatch)
    joined_ms = min((agent["joined_at_ms"] for agent in agents), default=None)
    latency_ms = None if joined_ms is None else max(0.0, float(joined_ms - created_ms))
    return Arrival(name, sid, latency_ms, dispatch, jobs[0] if jobs else None)
