"""The hunts: lkdiag as a process of its own, attacked, and each of its verdicts held against the truth."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from livekit import api

from .proxy import CALL_KINDS, Call, Fault, FaultyProxy, Kind, draw_fault
from .truth import Site
from .verdicts import Deed, Rules, Scene, contradictions, stays_of, unnamed_leftovers
from .worker import STAYS_S, ForeignWorker, Job, Treatment, warm_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

    from livekit.protocol import agent as pb

    from lkdiag.server.binary import ServerBinary

    from .truth import Room

T = TypeVar("T")

RUN_WITHIN_S = 240.0
"""For one process of lkdiag's; then it is interrupted, and judged by what it says."""
END_WITHIN_S = 90.0
"""For its end when it was interrupted; then it is killed."""
METHODS = ("create-room", "create-dispatch", "token")
TIMEOUT_S = 3.0
QUICK = ("--timeout", "3s", "--settle", "1s", "--fallback-timeout", "2s", "--warmup", "0")
TRIAL_ROOM = re.compile(r"lkdiag-\d{8}-\d{6}-\w{4}-(\d{3,})")
BRIEF = tuple(treatment for treatment, stay_s in STAYS_S.items() if stay_s < 1)
MANNERS = (
    *[Treatment.HONEST] * 4, *[Treatment.GHOST] * 2, *BRIEF, Treatment.KILLED, Treatment.SILENT, Treatment.REJECTS,
    Treatment.LATE, Treatment.TWICE, Treatment.LEAVES_LATE, Treatment.MEDIA, Treatment.MEDIA_KILLED,
)  # fmt: skip
"""The treatments of a worker that is now good and now bad."""


@dataclass
class Tally:
    """What a hunt has found."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """By group: how many trials were right, inconclusive, wrong."""
    wrong: list[str] = field(default_factory=list)
    """Every contradiction, in words."""
    notes: list[str] = field(default_factory=list)
    """What kept a trial from being a test of lkdiag."""

    def add(self, group: str, outcome: str, found: Sequence[str], where: str) -> None:
        """A trial was judged."""
        word = "wrong" if found else "open" if outcome in ("inconclusive", "error") else "right"
        self.counts.setdefault(group, Counter())[word] += 1
        self.wrong += [f"{where}: {one}" for one in found]

    @property
    def total(self) -> Counter[str]:
        """Of all groups."""
        return sum(self.counts.values(), Counter())

    def table(self) -> str:
        """The counts by group, the contradictions, and the verdict."""
        width = max([len(group) for group in self.counts] + [5])
        rows = [(group, self.counts[group]) for group in sorted(self.counts)] + [("total", self.total)]
        lines = [f"{'':{width}}  right  open  wrong"]
        lines += [f"{name:{width}}  {c['right']:5}  {c['open']:4}  {c['wrong']:5}" for name, c in rows]
        lines += [f"✗ {one}" for one in self.wrong] + [f"· {one}" for one in self.notes]
        kinds = Counter(re.sub(r"\d+", "N", one.partition(": ")[2].partition(",")[0]) for one in self.wrong)
        lines += [f"{count} × {kind}" for kind, count in kinds.most_common()]
        lines.append(f"✗ {len(self.wrong)} contradictions" if self.wrong else "✓ no verdict that the truth contradicts")
        return "\n".join(lines)


@dataclass(frozen=True)
class Ran:
    """An lkdiag that has ended."""

    run_id: str
    code: int
    report: dict[str, Any] | None
    stderr: str
    events: list[dict[str, Any]]
    """Its journal."""

    @property
    def looked_ms(self) -> float:
        """When its last look for rooms began, answered or not; the time of its last event, where there was none."""
        looks = [
            event["at_ns"] / 1e6 - event["data"]["duration_ms"]
            for event in self.events
            if event["kind"] == "api.called" and event["data"]["method"] == "ListRooms" and event["trial"] is None
        ]
        ends = [event["at_ns"] / 1e6 for event in self.events]
        return looks[-1] if looks else max(ends, default=0.0)

    @property
    def trials(self) -> list[dict[str, Any]]:
        """Of its report, warm-ups apart."""
        return [] if self.report is None else list(self.report["trials"])


async def run_lkdiag(site: Site, folder: Path, url: str, *arguments: str) -> Ran:
    """`lkdiag dispatch-trial …` as a process, with that URL and the site's key."""
    runs = folder / f"runs-{time.monotonic_ns()}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lkdiag", "dispatch-trial", "--url", url, "--format", "json", "--quiet", *arguments,
        env={
            **os.environ,
            "LIVEKIT_API_KEY": site.key.key,
            "LIVEKIT_API_SECRET": site.key.secret,
            "LKDIAG_RUNS_DIR": str(runs),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
    )  # fmt: skip
    told = asyncio.create_task(process.communicate())
    for word, within_s in ((signal.SIGINT, RUN_WITHIN_S), (signal.SIGKILL, END_WITHIN_S)):
        if (await asyncio.wait({told}, timeout=within_s))[0]:
            break
        process.send_signal(word)
    stdout, stderr = await told
    assert process.returncode is not None
    journals = list(runs.glob("*/journal.jsonl"))
    lines = [line for path in journals for line in path.read_text("utf-8").splitlines(keepends=True)]
    return Ran(
        journals[0].parent.name if journals else "",
        process.returncode,
        json.loads(stdout) if stdout.strip() else None,
        stderr.decode(),
        [json.loads(line) for line in lines if line.endswith("\n")],  # a killed one's last line is torn
    )


def probes_jobs(events: Iterable[dict[str, Any]], rooms: dict[str, Room]) -> list[Job]:
    """What the server offered to lkdiag's own probe, by the journal: the server's own words."""
    jobs: dict[str, Job] = {}
    for event in events:
        data, at_ms = event["data"], event["at_ns"] // 1_000_000
        if event["kind"] == "job.offered":
            sid = data["room_sid"]
            name = rooms[sid].name if sid in rooms else ""
            jobs.setdefault(
                data["job_id"],
                Job(data["job_id"], data["dispatch_id"], data["agent_name"], name, sid, Treatment.HONEST, at_ms),
            )
        elif event["kind"] == "job.assigned" and data["job_id"] in jobs:
            jobs[data["job_id"]].assigned_ms = at_ms
    return list(jobs.values())


class Hunt:
    """What the hunts share: a site, the worker's treatments, lkdiag's runs, and their judging."""

    def __init__(self, site: Site, folder: Path, seed: int, say: Callable[[str], None]) -> None:
        self.site = site
        self.folder = folder
        self.draw = random.Random(seed)
        self.tally = Tally()
        self.say = say
        self.deeds: dict[str, Deed] = {}
        """By the SID of the room that it struck."""

    async def judge(
        self,
        ran: Ran,
        jobs: Sequence[Job],
        rules: Rules,
        group_of: Callable[[dict[str, Any]], str],
        about_of: Callable[[dict[str, Any]], str] = lambda _: "",
    ) -> None:
        """Hold a run against the truth, and clean up behind it. `jobs` are the subject's."""
        await self.site.wait_told()
        truth = self.site.truth
        visits = list(truth.visits.values())
        for trial in ran.trials:
            lives = truth.lives(trial["room"])
            own = [job for job in jobs if job.room_sid in {room.sid for room in lives}]
            deed = next((self.deeds[room.sid] for room in lives[:1] if room.sid in self.deeds), None)
            found = contradictions(trial, Scene(lives, own, stays_of(own, visits), deed), rules)
            treatments = "/".join(job.treatment for job in own) or "no job"
            where = f"{trial['room']} [{group_of(trial)}; {treatments}] {about_of(trial)}".strip()
            self.tally.add(group_of(trial), trial["outcome"], found, where)
        if ran.report is None and ran.code != 4:
            self.tally.wrong.append(f"{ran.run_id}: lkdiag ended with {ran.code} and no report: {ran.stderr[-500:]}")
        elif ran.report is None:
            self.tally.notes.append(f"{ran.run_id}: no trial was made: {ran.stderr.strip().splitlines()[:1]}")
        elif ran.code in (130, -signal.SIGKILL):
            self.tally.notes.append(f"{ran.run_id}: was ended, for it took longer than {RUN_WITHIN_S:g} s")
        if "Traceback" in ran.stderr:
            self.tally.wrong.append(f"{ran.run_id}: lkdiag crashed: {ran.stderr[-500:]}")
        there = {
            room: made_ms
            for room, made_ms in (await self.site.rooms()).items()
            if ran.run_id and room.startswith(f"lkdiag-{ran.run_id}")
        }
        # a late agent may make a room anew when lkdiag has ended
        left = [room for room, made_ms in there.items() if made_ms < ran.looked_ms]
        for room in unnamed_leftovers(ran.report, ran.stderr, left):
            self.tally.wrong.append(f"{room}: left on the server without a word")
        for room in there:
            await self.site.delete(room)
        done = self.tally.total
        self.say(f"  {done.total()} trials: {done['right']} right, {done['open']} open, {done['wrong']} wrong")


async def several(at_a_time: int, works: Iterable[Callable[[], Awaitable[None]]], until_s: float) -> None:
    """Carry them out, so many at a time; none is begun after `until_s` (monotonic)."""
    turns = asyncio.Semaphore(at_a_time)

    async def one(work: Callable[[], Awaitable[None]]) -> None:
        async with turns:
            if time.monotonic() < until_s:
                await work()

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(one(work))


@dataclass(frozen=True)
class Order:
    """What a hunt is asked for."""

    trials: int
    seed: int
    binary: ServerBinary
    folder: Path
    at_a_time: int = 2
    """Processes of lkdiag's side by side."""
    within_s: float = 3600.0
    """No run is begun later."""
    say: Callable[[str], None] = lambda _line: None


# -- 1. agents that stay for a moment ----------------------------------------------------------------------------------


async def hunt_stays(order: Order) -> Tally:
    """Agents that are in the room for 0.05 to 0.4 s: none may be called dropped."""
    until_s = time.monotonic() + order.within_s
    methods = (*METHODS, "automatic")
    async with Site(order.binary, order.folder) as site:
        hunt = Hunt(site, order.folder, order.seed, order.say)

        def brief(offered: pb.Job) -> Treatment:
            return hunt.draw.choice(BRIEF) if TRIAL_ROOM.fullmatch(offered.room.name) else Treatment.HONEST

        async def run(worker: ForeignWorker, method: str) -> None:
            named = ("--agent-name", worker.agent_name) if worker.agent_name else ()
            ran = await run_lkdiag(
                site, order.folder, site.url, "--method", method, "--join", "signal", *named,
                "--count", str(max(1, order.trials // len(methods))), "-c", "2", *QUICK,
            )  # fmt: skip
            # automatic: the server asks lkdiag's own unnamed worker, or this one
            jobs = [*worker.jobs.values(), *probes_jobs(ran.events, site.truth.rooms)]
            rules = Rules(TIMEOUT_S, other_workers=not worker.agent_name)
            taken = {job.room_sid: "lkdiag's own" for job in jobs}
            taken |= {
                job.room_sid: str(job.treatment) for job in reversed(list(worker.jobs.values()))
            }  # the first of each room
            await hunt.judge(ran, jobs, rules, lambda trial: f"{method:15} {taken.get(trial['room_sid'], 'no job')}")

        async with ForeignWorker(site, "foreign", brief) as named:
            await warm_up(site, named)
            await several(order.at_a_time, [partial(run, named, method) for method in METHODS], until_s)
        async with ForeignWorker(site, "", brief) as unnamed:
            await warm_up(site, unnamed)
            await several(1, [partial(run, unnamed, "automatic")], until_s)
    return hunt.tally


# -- 2. a proxy that breaks calls --------------------------------------------------------------------------------------

BROKEN = ("CreateRoom", "ListDispatch", "ListParticipants", "DeleteRoom", "ListRooms", "CreateDispatch")
SLOW_KINDS = frozenset({Kind.BLACKHOLE, *(kind for kind in Kind if kind.startswith("429"))})
"""Each of their blows may cost lkdiag ten seconds and more: three in a row are enough."""
PROBES_FAULTS = ("--fault", "ghost=0.2,silent=0.1,slow:2500ms=0.1")
PER_RUN = 10


class InTurn:
    """Breaks the calls of each trial in another way: every fault for every method in turn.

    `first` is the number of the run's first trial in the hunt. The looks for rooms that name none are broken in some
    runs, and never the first one: without it no run begins.
    """

    def __init__(self, first: int, draw: random.Random) -> None:
        self._first = first
        self._draw = draw
        self._faults: dict[int, tuple[str, Fault, int, int]] = {}
        self._counts: Counter[tuple[int, str]] = Counter()
        self._last_looks = Fault(draw.choice(CALL_KINDS)) if draw.random() < 0.3 else None
        self._socket = Fault(draw.choice((Kind.SOCKET_CUT, Kind.SOCKET_STALL)), delay_s=draw.uniform(1.0, 4.0))
        self._breaks_sockets = draw.random() < 0.25

    def __call__(self, call: Call) -> Fault | None:
        if call.is_socket:
            return self._socket if self._breaks_sockets and call.method in ("/agent", "/rtc") else None
        found = TRIAL_ROOM.search(call.asked.decode(errors="replace"))
        if found is None:
            return self._last_looks if call.method == "ListRooms" and call.number > 1 else None
        number = int(found[1])
        method, fault, since, until = self.fault_of(number)
        if call.method != method:
            return None
        self._counts[number, method] += 1
        return fault if since <= self._counts[number, method] <= until else None

    def fault_of(self, number: int) -> tuple[str, Fault, int, int]:
        """The method, the fault, and the first and last call that meet it, for the trial with that number."""
        if number not in self._faults:
            turn = self._first + number - 1
            kind = CALL_KINDS[turn % len(CALL_KINDS)]
            method = BROKEN[(turn + turn // len(CALL_KINDS)) % len(BROKEN)]  # every pair within 18 x 6 trials
            since = self._draw.choice((1, 1, 2))
            last = self._draw.choice((since, since + 2 if kind in SLOW_KINDS else 1_000_000))
            self._faults[number] = (method, draw_fault(self._draw, kind), since, last)
        return self._faults[number]


async def hunt_proxy(order: Order) -> Tally:
    """Every fault for every method in turn, for somebody else's worker and for lkdiag's own."""
    until_s = time.monotonic() + order.within_s
    async with Site(order.binary, order.folder) as site:
        hunt = Hunt(site, order.folder, order.seed, order.say)

        def treatment_of(offered: pb.Job) -> Treatment:
            return hunt.draw.choice(MANNERS) if TRIAL_ROOM.fullmatch(offered.room.name) else Treatment.HONEST

        async def run(worker: ForeignWorker, run_number: int, first: int, count: int) -> None:
            plan = InTurn(first, random.Random(f"{order.seed} {first}"))
            foreign = run_number % 2 == 0
            who = ("--agent-name", worker.agent_name) if foreign else (*PROBES_FAULTS, "--seed", str(first))
            method = METHODS[run_number // 2 % len(METHODS)]
            join = "media" if run_number % 3 == 0 else "signal"
            async with FaultyProxy(site.url, plan) as proxy:
                ran = await run_lkdiag(
                    site, order.folder, proxy.url, "--method", method, "--join", join, *who,
                    "--count", str(count), "-c", "2", *QUICK,
                )  # fmt: skip
            jobs = list(worker.jobs.values()) if foreign else probes_jobs(ran.events, site.truth.rooms)

            def hits(trial: dict[str, Any]) -> list[Call]:
                return [call for call in proxy.faults() if call.mentions(trial["room"])]

            await hunt.judge(
                ran,
                jobs,
                Rules(TIMEOUT_S),
                lambda trial: str(hits(trial)[0].fault.kind) if hits(trial) else "no call was hit",  # type: ignore[union-attr]
                lambda trial: f"{method} {', '.join(f'{c.method} {c.number} {c.fault}' for c in hits(trial)[:4])}",
            )

        async with ForeignWorker(site, "foreign", treatment_of) as worker:
            await warm_up(site, worker)
            starts = range(0, order.trials, PER_RUN)
            works = [partial(run, worker, n, at, min(PER_RUN, order.trials - at)) for n, at in enumerate(starts)]
            await several(order.at_a_time, works, until_s)
    return hunt.tally


# -- 3. rooms that are deleted, or made anew ---------------------------------------------------------------------------

DELAYS_S = (0.1, 0.3, 1.0, 3.0)
DEEDS = ("deleted", "remade", "remade with the agent")
SUBJECTS = ("foreign", "probe", "any unnamed", "foreign")
"""Whose agent is asked for, by the run's number."""
REMADE_TIMEOUT_S = 5.0
REMADE = ("--timeout", "5s", "--settle", "1s", "--fallback-timeout", "2s", "--warmup", "0")
REMADE_MANNERS = (
    Treatment.HONEST,
    Treatment.GHOST,
    Treatment.GHOST,
    Treatment.SILENT,
    Treatment.LATE,
    Treatment.STAY_200MS,
)
RESTART_AFTER_S = (0.3, 1.0, 2.0, 4.0)


async def hunt_remade(order: Order) -> Tally:
    """Somebody else deletes lkdiag's rooms, makes them anew, or restarts the server."""
    until_s = time.monotonic() + order.within_s
    async with Site(order.binary, order.folder) as site:
        hunt = Hunt(site, order.folder, order.seed, order.say)
        hand = _Hand(hunt)

        def treatment_of(offered: pb.Job) -> Treatment:
            return hunt.draw.choice(REMADE_MANNERS) if TRIAL_ROOM.fullmatch(offered.room.name) else Treatment.HONEST

        async def run(named: ForeignWorker, unnamed: ForeignWorker, number: int, count: int, *, restart: bool) -> None:
            whose = SUBJECTS[number % len(SUBJECTS)]
            who: tuple[str, ...] = ("--method", "automatic")
            if whose == "foreign":
                who = ("--method", METHODS[number // 2 % len(METHODS)], "--agent-name", named.agent_name)
            elif whose == "probe":
                who = ("--fault", "ghost=0.3,silent=0.2,slow:1500ms=0.2", "--seed", str(number))
            work = asyncio.create_task(
                run_lkdiag(
                    site, order.folder, site.url, *who, "--join", "signal", "--count", str(count), "-c", "2", *REMADE
                )
            )
            if restart:
                await hand.restart(number, work)
                await asyncio.gather(named.wait_registered(), unnamed.wait_registered())
            ran = await work
            probes = probes_jobs(ran.events, site.truth.rooms)
            jobs = {
                "foreign": list(named.jobs.values()),
                "probe": probes,
                "any unnamed": [*probes, *unnamed.jobs.values()],
            }[whose]
            rules = Rules(REMADE_TIMEOUT_S, errors_are_wrong=False, other_workers=True)

            def group(trial: dict[str, Any]) -> str:
                deed = next(
                    (hunt.deeds[r.sid] for r in site.truth.lives(trial["room"])[:1] if r.sid in hunt.deeds), None
                )
                return "left alone" if deed is None else deed.what

            await hunt.judge(ran, jobs, rules, group, lambda _: " ".join(who[:4]))

        async with (
            ForeignWorker(site, "foreign", treatment_of) as named,
            ForeignWorker(site, "", treatment_of) as unnamed,
        ):
            await warm_up(site, named)
            restarts = max(1, order.trials // 60)
            per_run = 6
            rest = max(1, (order.trials - restarts * 4) // per_run)
            hand.strikes = True
            works = [partial(run, named, unnamed, number, per_run, restart=False) for number in range(rest)]
            await several(order.at_a_time, works, until_s)
            hand.strikes = False
            works = [partial(run, named, unnamed, number, 4, restart=True) for number in range(restarts)]
            await several(1, works, until_s)  # one server for all
            await hand.done()
    return hunt.tally


class _Hand:
    """Somebody else's hand on lkdiag's rooms."""

    def __init__(self, hunt: Hunt) -> None:
        self._hunt = hunt
        self._site = hunt.site
        self._tasks: set[asyncio.Task[None]] = set()
        self._began = asyncio.Event()
        self._count = 0
        self.strikes = False
        """Whether it deletes rooms."""
        hunt.site.truth.on_room = self._note

    async def done(self) -> None:
        """Wait for what was begun."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note(self, room: Room) -> None:
        if not TRIAL_ROOM.fullmatch(room.name) or len(self._site.truth.lives(room.name)) > 1:
            return
        self._began.set()
        if self.strikes:
            what, delay_s = DEEDS[self._count // len(DELAYS_S) % len(DEEDS)], DELAYS_S[self._count % len(DELAYS_S)]
            self._count += 1
            task = asyncio.create_task(self._strike(room, what, delay_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _strike(self, room: Room, what: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s - max(0.0, time.time() - room.created_ms / 1000))
        at_ms = int(time.time() * 1000)
        if not await self._site.delete(room.name):
            return  # lkdiag was done with it
        self._hunt.deeds[room.sid] = Deed(f"{what} after {delay_s:g} s", at_ms)
        if what != "deleted":
            agents = [api.RoomAgentDispatch(agent_name="foreign")] if what == "remade with the agent" else []
            async with self._site.client() as client:
                await client.room.create_room(
                    api.CreateRoomRequest(name=room.name, empty_timeout=60, departure_timeout=20, agents=agents)
                )

    async def restart(self, number: int, work: asyncio.Task[Ran]) -> None:
        """Some time after lkdiag's next room was made, kill the server and start it anew."""
        self._began.clear()
        began = asyncio.create_task(self._began.wait())
        await asyncio.wait({began, work}, return_when=asyncio.FIRST_COMPLETED)
        began.cancel()
        after_s = RESTART_AFTER_S[number % len(RESTART_AFTER_S)]
        if (await asyncio.wait({work}, timeout=after_s))[0]:
            return
        at_ms = int(time.time() * 1000)
        alive = [room for room in self._site.truth.rooms.values() if room.finished_ms is None]
        for room in alive:
            room.finished_ms = at_ms
            self._hunt.deeds.setdefault(room.sid, Deed(f"server restarted after {after_s:g} s", at_ms))
        await self._site.restart()


HUNTS: dict[str, Callable[[Order], Awaitable[Tally]]] = {
    "stays": hunt_stays,
    "proxy": hunt_proxy,
    "remade": hunt_remade,
}
