"""The user's own agent: is it there, and which worker answers?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError
from lkdiag.doctor.check import failed, info, ok, warning
from lkdiag.doctor.checks.arrival import DELAYED_AFTER_MS, LISTED_WITHIN_S, dispatch_once
from lkdiag.trial.watch import SightLostError

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found


async def agent(bench: Bench) -> Found:
    """Dispatch it once to a room of the doctor's own."""
    name = bench.wanted.agent_name
    if name is None:
        return info("not asked for: --agent-name NAME dispatches it once")
    try:
        came = await dispatch_once(bench, f"{bench.prefix}-agent", name, bench.wanted.timeout_s, wait_listed=True)
    except (ApiCallError, SightLostError) as error:
        return failed(f"could not be tried: {error}", "Run the doctor again, when the server answers.")
    worker = came.ids.get("worker", "")
    if came.latency_ms is None:
        waited = f"within {bench.wanted.timeout_s:g} s"
        looked = f"within {max(bench.wanted.timeout_s, LISTED_WITHIN_S):g} s"
        if worker:
            return failed(
                f"{worker} took the job of {name}, but its agent did not join {waited}",
                f"Look into that worker's log for {came.ids.get('job', 'the job')}.",
                **came.ids,
            )
        return failed(
            f"no worker took a job of {name} {looked}",
            f"See that a worker registers as {name}, in this very project, for rooms, and is not over its load limit; "
            f"`lkdiag dispatch-trial --agent-name {name} --control` tells more.",
            **came.ids,
        )
    seen = f"{worker or 'a worker'} answered for {name} in {came.latency_ms:.0f} ms"
    if came.latency_ms > DELAYED_AFTER_MS:
        return warning(
            seen,
            f"Run `lkdiag dispatch-trial --agent-name {name} --control`, which tells whether it is always so slow.",
            **came.ids,
        )
    return ok(seen, **came.ids)
