"""Goes through the table: every check is made, or says why it is not; whatever was begun is undone."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lkdiag import __version__
from lkdiag.doctor.bench import Bench
from lkdiag.doctor.check import Found, failed, not_tried
from lkdiag.doctor.table import CHECKS
from lkdiag.report.doctor_value import Checked, DoctorReport, Health, Mark
from lkdiag.run.close import finish_despite_cancellation
from lkdiag.text import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkdiag.doctor.bench import Wanted
    from lkdiag.doctor.check import Check

LIMIT_S = 75.0
"""No check takes so long, but for those that wait for an agent; each has limits of its own."""
OWN_FAULT_FIX = "Please report this fault of lkdiag's own, with this line."


async def examine(
    wanted: Wanted,
    on_begin: Callable[[Check], None],
    on_checked: Callable[[Checked], None],
    stop: asyncio.Event,
    checks: Sequence[Check] = CHECKS,
) -> DoctorReport:
    """Make every check. `on_begin` and `on_checked` are told as they go on; `stop` cuts the examination short."""
    started_ns = time.time_ns()
    done: dict[str, Checked] = {}
    bench = Bench(wanted)
    try:
        for check in checks:
            on_begin(check)
            began = time.monotonic()
            found = await _look(check, bench, done, stop)
            took_ms = None if found.mark is Mark.NOT_TRIED else round((time.monotonic() - began) * 1000, 1)
            checked = Checked(
                check.slug,
                check.title,
                check.group,
                found.mark,
                bench.clean(found.seen),
                bench.clean(found.fix),
                {label: bench.clean(text) for label, text in found.details.items()},
                took_ms,
                check.gate,
            )
            done[check.slug] = checked
            on_checked(checked)
    finally:
        await finish_despite_cancellation(bench.close())
    made = tuple(done.values())
    health = health_of(made)
    return DoctorReport(
        run_id=wanted.run_id,
        project_host=None if bench.address is None else bench.address.host,
        started_at=utc(started_ns),
        lkdiag_version=__version__,
        interrupted=stop.is_set(),
        health=health,
        headline=headline_of(made, health),
        checks=made,
        rooms_left=bench.rooms_left(),
    )


async def _look(check: Check, bench: Bench, done: dict[str, Checked], stop: asyncio.Event) -> Found:
    if stop.is_set():
        return not_tried("interrupted")
    for need in check.needs:
        if done[need].mark in (Mark.FAILED, Mark.NOT_TRIED):
            return not_tried(f"it needs {_root(done, need)}")
    looking: asyncio.Task[Found] = asyncio.create_task(_bounded(check, bench), name=check.slug)
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({looking, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        looking.cancel()  # a no-op where it has ended
        await asyncio.wait({looking, stopped})
    return not_tried("interrupted") if looking.cancelled() else looking.result()


async def _bounded(check: Check, bench: Bench) -> Found:
    limit_s = LIMIT_S + bench.wanted.timeout_s
    try:
        async with asyncio.timeout(limit_s):
            return await check.look(bench)
    except TimeoutError:
        return failed(f"not done after {limit_s:g} s", "See whether the server, or the network, is stuck.")
    except Exception as error:
        # a fault of lkdiag's own must not become the project's, nor end the examination
        return Found(Mark.NOT_TRIED, f"not tried: lkdiag failed: {type(error).__name__}: {error}", OWN_FAULT_FIX)


def _root(done: dict[str, Checked], need: str) -> str:
    """The title of the check that really failed: what was not tried names what it was lacking."""
    checked = done[need]
    lacking = checked.seen.removeprefix("not tried: it needs ")
    return lacking if checked.mark is Mark.NOT_TRIED and lacking != checked.seen else f"“{checked.title}”"


def health_of(checks: Sequence[Checked]) -> Health:
    """Of the whole."""
    wrong = [checked for checked in checks if checked.mark is Mark.FAILED]
    if any(checked.gate for checked in wrong):
        return Health.UNTESTABLE
    if wrong:
        return Health.WRONG
    return Health.UNCLEAR if any(checked.mark is Mark.NOT_TRIED for checked in checks) else Health.OK


def headline_of(checks: Sequence[Checked], health: Health) -> str:
    """The answer in one sentence."""
    wrong = [checked for checked in checks if checked.mark is Mark.FAILED]
    if health is Health.UNTESTABLE:
        first = next(checked for checked in wrong if checked.gate)
        return f"The project can't be tested: {first.seen}."
    if wrong:
        return f"Wrong: {', '.join(checked.title for checked in wrong)}."
    remarks = [checked.title for checked in checks if checked.mark is Mark.WARNING]
    unseen = sum(checked.mark is Mark.NOT_TRIED for checked in checks)
    if health is Health.UNCLEAR:
        return f"Nothing wrong was seen, but {unseen} of {len(checks)} checks were not made."
    return f"Nothing is wrong; worth a look: {', '.join(remarks)}." if remarks else "Nothing is wrong."
