"""Workers: does one register, and does the user's own agent answer?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from livekit import api

from lkdiag.client.api_client import ApiCallError
from lkdiag.client.behaviours import Honest
from lkdiag.client.workers import Probe
from lkdiag.doctor.check import TIMEOUT_S, failed, info, ok, reason_of, token, warning
from lkdiag.doctor.checks.server import DELAYED_AFTER_MS, LISTED_WITHIN_S, Arrival, dispatch_once
from lkdiag.errors import ConnectionLostError
from lkdiag.journal.participant_kinds import ProbeJoinFailed
from lkdiag.journal.worker_kinds import JobAccepted, JobAssigned, JobOffered, WorkerRegistered
from lkdiag.run.room_watcher import RoomWatchError
from lkdiag.scenario.dispatch import JobType

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found


# What workers need: their websocket, their registration, and a dispatch that reaches them and brings their agent.

SOCKET_FIX = (
    "Let websockets on /agent through what stands before the server: a proxy has to pass on the headers Upgrade and "
    "Connection, without which no worker can register."
)
FIRST_WITHIN_S = 5.0
TRIAL_FIX = "Run `lkdiag dispatch-trial`, which tells the cause."


async def socket(bench: Bench) -> Found:
    """Does a worker get its websocket?"""
    jwt = token(bench.known, api.VideoGrants(agent=True))
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            aiohttp.ClientSession() as session,
            session.ws_connect(
                f"{bench.known.ws_url}/agent", params={"protocol": "1"}, headers={"Authorization": f"Bearer {jwt}"}
            ),
        ):
            return ok("the websocket opens")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return failed(bench.clean(f"no websocket: {reason_of(error)}", jwt), SOCKET_FIX)


async def registration(bench: Bench) -> Found:
    """Does the server take lkdiag's own worker? It stays until the examination is over."""
    bench.probe = probe = Probe(bench.known, bench.recorder, f"{bench.prefix}-probe", JobType.ROOM)
    try:
        await probe.open()
    except ConnectionLostError as error:
        reason = error.message.partition("could not register with ")[2] or error.message
        return failed(f"not registered: {reason}", "See what the server's log says of workers.")
    told = next(row for e in reversed(bench.events) if isinstance(row := e.row, WorkerRegistered))
    for key, value in told.server.items():
        bench.server.setdefault(key, value)
    return ok(f"{told.worker_id} is registered", agent_name=probe.agent_name)


async def round_trip(bench: Bench) -> Found:
    """Does a dispatch bring lkdiag's own agent?

    A room that is made in the moment after a worker has registered may get no agent: the server answers the worker
    before it has told itself of it (livekit-server 1.13.5, pkg/service/agentservice.go, HandleConnection, and the cache
    of agents' names in pkg/agent/client.go). So there is a ping first, which is answered after that, and where several
    nodes take longer to hear of it, a second try.
    """
    probe = bench.probe
    assert probe is not None, "needs `worker`"
    await probe.ping(TIMEOUT_S)
    timeout_s = bench.wanted.timeout_s
    try:
        first = came = await _trip(bench, probe, 1, min(timeout_s, FIRST_WITHIN_S))
        if first.latency_ms is None:
            came = await _trip(bench, probe, 2, timeout_s)
    except (ApiCallError, RoomWatchError) as error:
        return failed(f"could not be tried: {error}", "Run the doctor again, when the server answers.")
    if came.latency_ms is None:
        return failed(
            f"lkdiag's own agent did not come to two rooms, not within {timeout_s:g} s: {_stage(bench)}",
            TRIAL_FIX,
            **came.ids,
        )
    seen = f"the agent came {came.latency_ms:.0f} ms after its room"
    if first is not came:
        return warning(
            f"{seen}, but not to an earlier one, made just after the worker had registered",
            "Run `lkdiag dispatch-trial`, which tells whether later rooms are left without an agent too.",
            **first.ids,
        )
    return warning(seen, TRIAL_FIX, **came.ids) if came.latency_ms > DELAYED_AFTER_MS else ok(seen, **came.ids)


async def _trip(bench: Bench, probe: Probe, number: int, wait_s: float) -> Arrival:
    room = f"{bench.prefix}-trip{number}"
    probe.engage(room, bench.run, lambda _metadata: Honest(), publish=False)
    try:
        return await dispatch_once(bench, room, probe.agent_name, wait_s, wait_listed=False)
    finally:
        await probe.wait_joined(room, wait_s)
        await probe.disengage(room)


def _stage(bench: Bench) -> str:
    """How far its job got."""
    kinds = {event.kind for event in bench.events}
    for kind, told in (
        (ProbeJoinFailed, "it could not join"),
        (JobAssigned, "the job was given to it, but it did not get into the room"),
        (JobAccepted, "it took the job, which was not given to it"),
        (JobOffered, "the job was offered to it"),
    ):
        if kind.KIND in kinds:
            return told
    return "no job was offered to it"


# The user's own agent: is it there, and which worker answers?


async def agent(bench: Bench) -> Found:
    """Dispatch it once to a room of the doctor's own."""
    name = bench.wanted.agent_name
    if name is None:
        return info("not asked for: --agent-name NAME dispatches it once")
    try:
        came = await dispatch_once(bench, f"{bench.prefix}-agent", name, bench.wanted.timeout_s, wait_listed=True)
    except (ApiCallError, RoomWatchError) as error:
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
