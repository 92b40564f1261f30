"""Teardown reports built by hand: the full grid, one cell, the user's agent, trouble, hostile text."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from statistics import median
from typing import Any

from lkdiag.contract import Severity, TeardownOutcome, Verdict
from lkdiag.judge.checks import (
    cleanup_never_ran,
    cleanup_raised,
    not_carried_out,
    not_fit,
    slow_close,
    survivor_stranded,
)
from lkdiag.judge.finding import Finding
from lkdiag.report.teardown_value import Survivor, TeardownCell, TeardownReport, TeardownSummary, TeardownTrial
from lkdiag.report.value import Environment, LeftoverRoom, Run, Server, TimelineLine
from lkdiag.stats import Quantiles

from .sample_reports import HOSTILE_AGENT, HOSTILE_ERROR, an_id

CLEANUPS = ("late-context", "captured-context", "optional-context", "off", "webhook-reaper", "poll-reaper")
EXITS = ("session-closed", "left-room", "crashed")
SIDES = ("caller", "human")
IDENTITY = {"caller": "sip_+15550100", "human": "human-agent-sip"}

RAISED = Finding(
    check=cleanup_raised.SLUG,
    severity=Severity.FAIL,
    title="the cleanup failed",
    fact="when somebody left, late-context raised NoJobContextError: no job context found",
    hint="the session was closed after the merge, and its job context with it. Capture the context, or an API client, "
    "while it exists, and delete the room with that.",
    reference="https://github.com/livekit/agents-js/issues/1895",
)
NEVER_RAN = Finding(
    check=cleanup_never_ran.SLUG,
    severity=Severity.FAIL,
    title="no cleanup ran",
    fact="when the caller hung up, the agent's process was dead, and everything in it: nobody deleted the room",
    hint="a cleanup in the agent works only while the agent is connected. One outside of it (webhook-reaper, "
    "poll-reaper) outlives every exit.",
)
STRANDED = Finding(
    check=survivor_stranded.SLUG,
    severity=Severity.FAIL,
    title="the other side was left alone",
    fact="",
    hint="such a room stays until that side hangs up too: a phone line holds it open without end",
    reference="https://github.com/livekit/livekit/issues/4753",
)
SLOW = Finding(
    check=slow_close.SLUG,
    severity=Severity.FAIL,
    title="the room was closed late",
    fact="it was gone 6.1 s after the human had hung up",
    hint="somebody did clean up, but waited for something",
)


def a_call(index: int, cleanup: str, agent_exit: str, hangup: str, **changes: Any) -> TeardownTrial:
    """A call whose room was closed, but for the changes."""
    other = "human" if hangup == "caller" else "caller"
    call = TeardownTrial(
        index=index,
        started_at=f"2026-08-21T10:14:{index % 60:02d}.125Z",
        room=f"lkdiag-7f3k2m-caller-{index:03d}",
        room_sid=an_id("RM", index),
        human_room_sid=an_id("RM", 9000 + index),
        dispatch_id=an_id("AD", index),
        job_id=an_id("AJ", index),
        participant_ids={
            who: an_id("PA", 1000 * place + index) for place, who in enumerate(("caller", "agent", "human"))
        },
        cleanup=cleanup,
        agent_exit=agent_exit,
        subject=None,
        hangup=hangup,
        merge="rejoin",
        outcome=TeardownOutcome.CLOSED,
        closed_ms=15.0 + index % 7,
        survivor=Survivor(IDENTITY[other], True, "ROOM_DELETED", 12.5, None),
        left_in_room=(),
        api_calls=14,
        findings=(),
        timeline=(),
    )
    return replace(call, **changes)


def a_leftover(index: int, cleanup: str, agent_exit: str, hangup: str, why: tuple[Finding, ...]) -> TeardownTrial:
    """A call whose survivor was left alone."""
    identity = IDENTITY["human" if hangup == "caller" else "caller"]
    alone = replace(
        STRANDED, fact=f"{identity} was still in room {an_id('RM', index)} 8.0 s after the {hangup} had hung up"
    )
    return a_call(
        index,
        cleanup,
        agent_exit,
        hangup,
        outcome=TeardownOutcome.LEFTOVER,
        closed_ms=None,
        survivor=Survivor(identity, False, None, None, 8012.4),
        left_in_room=(identity,),
        findings=tuple(replace(finding, trial=index) for finding in (*why, alone)),
        timeline=tuple(
            TimelineLine(f"2026-08-21T10:14:{offset / 1000:06.3f}Z", offset, lane, text)
            for offset, lane, text in (
                (0.0, "lkdiag", f"trial began: {cleanup}, agent {agent_exit}, {hangup} hangs up"),
                (412.9, "room", f"the calls are merged in {an_id('RM', index)} by rejoin"),
                (913.0, "agent", f"leaves: {agent_exit}"),
                (1414.2, hangup, "hangs up"),
                (9426.6, "lkdiag", f"the window ends: {identity} is still there"),
            )
        ),
    )


def cells_of(trials: tuple[TeardownTrial, ...]) -> tuple[TeardownCell, ...]:
    """The summary's grid."""
    keys = dict.fromkeys((trial.cleanup, trial.agent_exit, trial.hangup) for trial in trials)
    cells = []
    for key in keys:
        mine = [trial for trial in trials if (trial.cleanup, trial.agent_exit, trial.hangup) == key]
        closed = [trial.closed_ms for trial in mine if trial.closed_ms is not None]
        alone = [t.survivor.stranded_ms for t in mine if t.survivor and t.survivor.stranded_ms is not None]
        cells.append(
            TeardownCell(
                *key,
                trials=len(mine),
                outcomes=dict(Counter(trial.outcome.value for trial in mine)),
                closed_ms=median(closed) if closed else None,
                stranded_ms=max(alone) if alone else None,
            )
        )
    return tuple(cells)


def kinds_of(trials: tuple[TeardownTrial, ...]) -> tuple[Finding, ...]:
    """One finding for each kind, as a report has them."""
    kinds: dict[tuple[str, str], list[tuple[int, Finding]]] = {}
    for trial in trials:
        for finding in trial.findings:
            kinds.setdefault((finding.check, finding.title), []).append((trial.index, finding))
    return tuple(
        replace(
            alike[0][1],
            trial=None,
            fact=f"{len(alike)} of {len(trials)} trials; trial {alike[0][0]}: {alike[0][1].fact}",
            trials=tuple(index for index, _ in alike),
        )
        for alike in sorted(kinds.values(), key=len, reverse=True)
    )


def a_teardown(trials: tuple[TeardownTrial, ...], **changes: Any) -> TeardownReport:
    """A report over these calls, passing but for the changes."""
    counts = Counter(trial.outcome for trial in trials)
    report = TeardownReport(
        run=Run(
            id="7f3k2m",
            command="lkdiag transfer-teardown --local",
            scenario="transfer-teardown",
            kind="teardown",
            title="What happens?",
            reported=None,
            options={
                "cleanups": list(CLEANUPS),
                "hangups": list(SIDES),
                "agent_exits": list(EXITS),
                "count": 1,
                "window_s": 8.0,
                "closed_within_s": 5.0,
            },
            started_at="2026-08-21T10:14:00.001Z",
            finished_at="2026-08-21T10:15:02.250Z",
            interrupted=False,
            aborted=None,
            lkdiag_version="0.1.0",
        ),
        environment=Environment(
            server=Server("1.13.5", "Standard", None, "ND_x7"),
            project_host="127.0.0.1",
            subject="lkdiag's probe",
            probe_worker_ids=(),
            clock_offset_ms=None,
            clock_error_ms=None,
            sdk={"livekit": "1.1.2", "livekit-api": "1.2.0", "livekit-protocol": "1.1.29"},
            python="3.11.7",
            os="Linux 6.8.0 x86_64",
        ),
        verdict=Verdict.PASS,
        headline=f"All {len(trials)} rooms were closed.",
        summary=TeardownSummary(
            trials=len(trials),
            outcomes={outcome.value: counts[outcome] for outcome in TeardownOutcome},
            closed_ms=Quantiles.of([trial.closed_ms for trial in trials if trial.closed_ms is not None]),
            grid=cells_of(trials),
        ),
        trials=trials,
        leftover_rooms=(),
        findings=kinds_of(trials),
    )
    return replace(report, **changes)


def _grid_trial(index: int, cleanup: str, agent_exit: str, hangup: str) -> TeardownTrial:
    key = (cleanup, agent_exit, hangup)
    if cleanup in ("off", "optional-context") or (agent_exit == "crashed" and not cleanup.endswith("reaper")):
        return a_leftover(index, *key, (NEVER_RAN,))
    if cleanup == "late-context":
        return a_leftover(index, *key, (RAISED,))
    if key == ("poll-reaper", "left-room", "human"):
        return a_call(
            index,
            *key,
            outcome=TeardownOutcome.SLOW,
            closed_ms=6104.0,
            findings=(replace(SLOW, trial=index),),
        )
    return a_call(index, *key, closed_ms=1012.0 + index if cleanup == "poll-reaper" else 15.0 + index % 7)


def full_grid() -> TeardownReport:
    """Every cleanup, exit and side."""
    keys = [(cleanup, agent_exit, side) for cleanup in CLEANUPS for agent_exit in EXITS for side in SIDES]
    trials = tuple(_grid_trial(index, *key) for index, key in enumerate(keys, start=1))
    return a_teardown(
        trials,
        verdict=Verdict.FAIL,
        headline="Of 36 calls 15 closed, 1 slow, 20 leftover.",
        leftover_rooms=(
            LeftoverRoom(
                "lkdiag-7f3k2m-caller-019",
                an_id("RM", 19),
                "2026-08-21T10:14:19.201Z",
                ("human-agent-sip", "agent-x"),
            ),
            LeftoverRoom("lkdiag-7f3k2m-caller-020", an_id("RM", 20), None, ("sip_+15550100",)),
            LeftoverRoom("lkdiag-7f3k2m-caller-021", an_id("RM", 21), None, ()),
        ),
    )


def _narrowed(trials: tuple[TeardownTrial, ...], **changes: Any) -> TeardownReport:
    report = a_teardown(trials, **changes)
    options = {
        **report.run.options,
        "cleanups": sorted({trial.cleanup for trial in trials}),
        "agent_exits": sorted({trial.agent_exit for trial in trials}),
        "hangups": sorted({trial.hangup for trial in trials}),
        "count": 3,
    }
    return replace(report, run=replace(report.run, options=options))


def one_cell() -> TeardownReport:
    """A single cell, three times, one of them left over."""
    key = ("captured-context", "session-closed", "caller")
    trials = (a_call(1, *key), a_leftover(2, *key, (NEVER_RAN,)), a_call(3, *key))
    return _narrowed(trials, verdict=Verdict.FAIL, headline="Of 3 calls 2 closed, 1 leftover.")


def subject() -> TeardownReport:
    """The user's own agent, which does it well; three times each side."""
    trials = tuple(
        a_call(index, "subject", "session-closed", side, merge="move-participant")
        for index, side in enumerate(SIDES * 3, start=1)
    )
    report = _narrowed(trials)
    return replace(report, environment=replace(report.environment, subject="front-desk"))


def interrupted() -> TeardownReport:
    """Stopped early; of what was played lkdiag could judge little."""
    unfit = Finding(
        check=not_fit.SLUG,
        severity=Severity.INCONCLUSIVE,
        title="lkdiag can't judge this call",
        fact="the event loop was blocked for 1.84 s",
        hint="this says nothing about your cleanup; a lower --concurrency may help",
        trial=2,
    )
    refused = Finding(
        check=not_carried_out.SLUG,
        severity=Severity.FAIL,
        title="the call could not be played",
        fact="CreateRoom was rejected: 503 unavailable",
        hint="this says nothing about your cleanup",
        trial=3,
    )
    nothing = {"closed_ms": None, "survivor": None}
    trials = (
        a_call(1, "late-context", "session-closed", "caller"),
        a_call(
            2,
            "late-context",
            "session-closed",
            "human",
            outcome=TeardownOutcome.INCONCLUSIVE,
            findings=(unfit,),
            **nothing,
        ),
        a_call(
            3,
            "off",
            "left-room",
            "caller",
            outcome=TeardownOutcome.ERROR,
            room_sid=None,
            merge=None,
            findings=(refused,),
            **nothing,
        ),
    )
    report = a_teardown(trials, verdict=Verdict.FAIL, headline="Of 3 calls 1 closed, 1 error, 1 inconclusive.")
    return replace(report, run=replace(report.run, interrupted=True))


def nothing_played() -> TeardownReport:
    """Killed before the first call was over."""
    report = a_teardown((), verdict=Verdict.INCONCLUSIVE, headline="No call was carried out.")
    return replace(report, run=replace(report.run, interrupted=True, finished_at=None))


def hostile() -> TeardownReport:
    """Markup, escape codes, pipes, HTML and a very long name in every text that comes from elsewhere."""
    finding = replace(RAISED, title=HOSTILE_ERROR, fact=HOSTILE_AGENT, hint=HOSTILE_ERROR, reference="javascript:x")
    alone = a_leftover(1, "late-context", "session-closed", "caller", (finding,))
    story = (TimelineLine("2026-08-21T10:14:02.001Z", 1.5, "[red]api\x1b[2J", HOSTILE_ERROR),)
    trial = replace(
        alone,
        room=f"room | <b>{HOSTILE_ERROR}",
        survivor=Survivor(HOSTILE_AGENT, False, None, None, None),
        left_in_room=(HOSTILE_AGENT, "a|b"),
        timeline=story,
    )
    odd = a_call(2, "[red]`x`|<b>@you", "left\x1b[31m|room", "*both*", merge="a|b", room="räume/日本語/🙂")
    report = a_teardown((trial, odd), verdict=Verdict.FAIL, headline=f"Left: {HOSTILE_ERROR}")
    return replace(
        report,
        run=replace(report.run, command=f"lkdiag transfer-teardown --agent-name '{HOSTILE_AGENT}'"),
        leftover_rooms=(LeftoverRoom(HOSTILE_ERROR, an_id("RM", 1), None, (HOSTILE_AGENT, "a|b")),),
        notes=(HOSTILE_ERROR,),
    )


def many(count: int = 3000) -> TeardownReport:
    """Far more calls than an issue body holds, every third of them left over."""
    key = ("late-context", "session-closed", "caller")
    trials = tuple(
        a_leftover(index, *key, (RAISED,)) if index % 3 == 0 else a_call(index, *key) for index in range(1, count + 1)
    )
    return a_teardown(trials, verdict=Verdict.FAIL, headline=f"Of {count} calls {count // 3} leftover.")


TEARDOWNS = {
    "teardown-grid": full_grid,
    "teardown-cell": one_cell,
    "teardown-subject": subject,
    "teardown-interrupted": interrupted,
    "teardown-empty": nothing_played,
    "teardown-hostile": hostile,
}
