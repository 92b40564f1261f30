"""Rooms that earlier runs of lkdiag have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError
from lkdiag.doctor.check import ok, warning
from lkdiag.timeline.room_name import run_of_room

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found


async def leftovers(bench: Bench) -> Found:
    """Are there any?"""
    try:
        rooms = await bench.control.list_rooms(bench.run, "")
    except ApiCallError as error:
        return warning(error.message, "Run the doctor again.")
    runs = [run for room in rooms if (run := run_of_room(room.name)) not in (None, bench.wanted.run_id)]
    if not runs:
        return ok("no room of an earlier run is there")
    count, of = len(runs), len(set(runs))
    return warning(
        f"{count} room{'s' if count > 1 else ''} of {of} other run{'s' if of > 1 else ''} of lkdiag "
        f"{'are' if count > 1 else 'is'} there",
        "See what they are with `lkdiag sweep`, and remove them with `lkdiag sweep --delete`.",
        runs=", ".join(sorted({run for run in runs if run})),
    )
