"""Watches lkdiag itself: event loop, processors, open sockets, the server's answer times."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from lkdiag.stats import Quantiles
from lkdiag.trial.capacity import raise_descriptor_limit
from lkdiag.trial.load import WINDOW_S, Load, LoadMeter, open_descriptors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.control import Control
    from lkdiag.timeline import Recorder

INTERVAL_S = 0.05
STALL_MS = 200.0
"""A tenth of the 2 s after which a delivery is late."""
SAMPLE_S = 1.0
"""At most one sample a second: a run of a day has 86,400 of them."""


@contextlib.asynccontextmanager
async def health_watched(recorder: Recorder, control: Control, server_pid: int | None = None) -> AsyncIterator[None]:
    """In it lkdiag's load is recorded each second, and each time that the loop came `STALL_MS` or more too late.

    `server_pid` is a server's that shares this machine. When the watch itself has failed, the run is told as given up:
    without it lkdiag's own delays would be somebody else's.
    """
    watch = asyncio.create_task(_watch(recorder, control, server_pid), name="watch of lkdiag itself")
    try:
        yield
    finally:
        watch.cancel()
        (failed,) = await asyncio.gather(watch, return_exceptions=True)
        if isinstance(failed, Exception):
            recorder.record("run.aborted", reason=f"lkdiag's watch of itself failed: {failed!r}")


async def _watch(recorder: Recorder, control: Control, server_pid: int | None) -> None:
    """Until cancelled; the last sample is recorded then."""
    lags_ms = list[float]()
    began_ns = recorder.now_mono_ns(), recorder.now_wall_ns()
    heartbeat = asyncio.create_task(_feel_the_loop(recorder, began_ns, lags_ms), name="heartbeat of the loop")
    try:
        await _take_samples(recorder, control, LoadMeter(server_pid), lags_ms)
    finally:
        heartbeat.cancel()
        (failed,) = await asyncio.gather(heartbeat, return_exceptions=True)
        if isinstance(failed, Exception):
            raise failed


async def _feel_the_loop(recorder: Recorder, began_ns: tuple[int, int], lags_ms: list[float]) -> None:
    """Add to `lags_ms`, each `INTERVAL_S`, by how much the loop came late since `began_ns` (monotonic and wall clock).

    Both clocks are looked at: on Linux the monotonic one stands still while the machine is suspended.
    """
    mono_ns, wall_ns = began_ns
    while True:
        await asyncio.sleep(INTERVAL_S)
        # from look to look, without a gap: lkdiag may be stopped in what follows here just as well
        seen_ns, (mono_ns, wall_ns) = (mono_ns, wall_ns), (recorder.now_mono_ns(), recorder.now_wall_ns())
        passed_ms = max(mono_ns - seen_ns[0], wall_ns - seen_ns[1]) / 1e6
        late_ms = max(0.0, passed_ms - INTERVAL_S * 1000)
        lags_ms.append(round(late_ms, 1))
        if late_ms >= STALL_MS:
            recorder.record("lkdiag.stalled", began_mono_ns=seen_ns[0], late_ms=round(late_ms, 1))


async def _take_samples(recorder: Recorder, control: Control, meter: LoadMeter, lags_ms: list[float]) -> None:
    recorder.record("lkdiag.limited", descriptors=raise_descriptor_limit())
    control.take_answer_times()
    began_ns = recorder.now_mono_ns()

    def record(load: Load) -> None:
        nonlocal began_ns
        lags, since_ns, began_ns = lags_ms.copy(), began_ns, recorder.now_mono_ns()
        lags_ms.clear()
        recorder.record(
            "lkdiag.sampled",
            began_mono_ns=since_ns,
            lags_ms=lags,
            cores=meter.cores,
            busy_ms=load.busy_ms,
            own_cores=load.own_cores,
            server_cores=load.server_cores,
            machine=load.machine,
            waited_ms=load.waited_ms,
            descriptors=open_descriptors(),
            answers_ms=_summed(control.take_answer_times()),
        )

    taking: asyncio.Future[Load] | None = None
    try:
        while True:
            await asyncio.sleep(WINDOW_S)
            meter.tick()
            if recorder.now_mono_ns() - began_ns >= SAMPLE_S * 1e9:
                # in a thread: it reads a file for each thread there is, which held the loop up by 0.1 to 0.3 s
                taking = asyncio.ensure_future(asyncio.to_thread(meter.take))
                record(await asyncio.shield(taking))
                taking = None
    finally:
        record(meter.take() if taking is None else await taking)


def _summed(times_ms: list[float]) -> dict[str, float] | None:
    if not times_ms:
        return None
    figures = Quantiles.of(times_ms)
    assert figures.p50 is not None
    assert figures.p99 is not None
    assert figures.max is not None
    return {"count": figures.count, "p50": figures.p50, "p99": figures.p99, "max": figures.max}
