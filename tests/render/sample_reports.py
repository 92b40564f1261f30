"""Reports built by hand: an empty, a good, a failing, an inconclusive one, and one full of hostile text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lkdiag.contract import Cause, Fallback, Mismatch, Outcome, Severity, State, Verdict
from lkdiag.judge.causes.diagnosis import Diagnosis
from lkdiag.judge.checks import (
    cold_start,
    delayed,
    dropped,
    false_running,
    not_carried_out,
    not_fit,
)
from lkdiag.judge.finding import Finding
from lkdiag.report.value import (
    DispatchReport,
    DispatchSummary,
    Environment,
    LeftoverRoom,
    OwnHealth,
    Run,
    Server,
    TimelineLine,
    TrialReport,
)
from lkdiag.stats import Quantiles, Rate

HOSTILE_AGENT = "[red]agent[/red] | `rm -rf` <img src=x onerror=alert(1)> \x1b[31m\x1b]0;owned\x07 @everyone " + (
    "long-" * 60
)
HOSTILE_ERROR = "boom\n```\n# heading\r\x9b2J </details> \u202etxt\u202c 日本語 🙂 [link](https://x.test) *b* _i_ ~~s~~"


LOST = Diagnosis(
    causes=(Cause.LOST_BEFORE_WORKER, Cause.WORKER_FULL),
    statement="no worker is known to have taken it; what was seen fits each of these: the dispatch was lost on its way "
    "to the worker; or the worker was over its load limit.",
    speaks_for=(
        "no job was listed in 26.1 s: no worker is known to have taken it",
        "agents of that name came in 31 of 36 other trials of this run",
    ),
    speaks_against=("the name is right: a worker answers to it",),
    would_tell=(
        "--control: whether the project delivers to a worker that is known to be there",
        "--worker-log FILE: whether the worker ever saw the request, and whether it was full",
    ),
    reference="https://github.com/livekit/agents-js/issues/1211",
)


def an_id(prefix: str, number: int) -> str:
    """An id of LiveKit's shape: fifteen characters."""
    return f"{prefix}_{number:04d}aBcDeFgH"


def a_trial(index: int, **changes: Any) -> TrialReport:
    """A delivered trial, but for the changes."""
    latency = 290.0 + 7 * (index % 9)
    trial = TrialReport(
        index=index,
        role="subject",
        method="create-room",
        started_at=f"2026-08-21T10:{14 + index // 30 % 40:02d}:{index * 2 % 60:02d}.125Z",
        room=f"lkdiag-7f3k2m-{index:03d}",
        room_sid=an_id("RM", index),
        dispatch_id=an_id("AD", index),
        job_id=an_id("AJ", index),
        worker_id=an_id("AW", 1),
        agent_identity=f"agent-{an_id('AJ', index)}",
        participant_ids={"agent": an_id("PA", index)},
        outcome=Outcome.DELIVERED,
        state=State.RUNNING,
        mismatch=None,
        latency_ms=latency,
        stages_ms={"dispatch": 4.0, "assigned": latency - 70, "joined": latency},
        state_lag_ms=0.0,
        fallback=Fallback.NOT_NEEDED,
        fallback_latency_ms=None,
        fallback_dispatch_id=None,
        api_calls=6,
        findings=(),
        diagnosis=None,
        timeline=(),
    )
    return replace(trial, **changes)


def a_story(index: int, *, ending: str) -> tuple[TimelineLine, ...]:
    """A trial's timeline."""
    lines = (
        (0.0, "lkdiag", "trial begins"),
        (4.1, "api", f"CreateRoom lkdiag-7f3k2m-{index:03d} with agents=[inbound-agent] answered in 4 ms"),
        (4.3, "room", f"created {an_id('RM', index)} on node NC_OFRANKFURT1B_x7"),
        (212.9, "dispatch", f"{an_id('AD', index)} listed for the first time, without a job"),
        (20004.6, "lkdiag", ending),
    )
    return tuple(
        TimelineLine(f"2026-08-21T10:14:{offset / 1000:06.3f}Z", offset, lane, text) for offset, lane, text in lines
    )


def a_dropped(index: int, **changes: Any) -> TrialReport:
    """A trial whose agent never came, rescued by the fallback."""
    finding = Finding(
        check=dropped.SLUG,
        severity=Severity.FAIL,
        title="no agent came in time",
        fact=f"{an_id('AD', index)} in {an_id('RM', index)} had no job after 20.00 s; no error was given.",
        hint="The server never offered the job to a worker, although one of that name was registered. "
        "Ask for the server's log of this room; a fallback by createDispatch helps meanwhile.",
        trial=index,
        evidence=(41, 57),
        reference="https://github.com/livekit/agents-js/issues/1211",
    )
    standard: dict[str, Any] = {
        "outcome": Outcome.DROPPED,
        "state": State.NO_JOB,
        "latency_ms": None,
        "job_id": None,
        "worker_id": None,
        "agent_identity": None,
        "participant_ids": {"fallback agent": an_id("PA", 9000 + index)},
        "stages_ms": {"dispatch": 4.0},
        "state_lag_ms": None,
        "fallback": Fallback.RESCUED,
        "fallback_latency_ms": 312.4,
        "fallback_dispatch_id": an_id("AD", 9000 + index),
        "findings": (finding,),
        "diagnosis": LOST,
        "timeline": a_story(index, ending="the agent is not there after 20.00 s: dropped"),
    }
    return a_trial(index, **{**standard, **changes})


def a_false_running(index: int) -> TrialReport:
    """A trial whose dispatch says running although no agent ever was in the room."""
    finding = Finding(
        check=false_running.SLUG,
        severity=Severity.FAIL,
        title="listDispatch says RUNNING, but no agent is there",
        fact=f"Job {an_id('AJ', index)} is JS_RUNNING; agent-{an_id('AJ', index)} was in none of 41 listings.",
        hint="Running means assigned, not joined. Look for this job id in the worker's log.",
        trial=index,
        evidence=(88,),
        reference="https://github.com/livekit/agents/issues/1472",
    )
    return a_dropped(
        index,
        state=State.RUNNING,
        mismatch=Mismatch.FALSE_RUNNING,
        job_id=an_id("AJ", index),
        worker_id=an_id("AW", 1),
        fallback=Fallback.LOST,
        fallback_latency_ms=None,
        findings=(finding,),
        diagnosis=Diagnosis(
            (Cause.WORKER_NEVER_JOINED,),
            "the worker took the job and did nothing with it.",
            (f"the worker was assigned job {an_id('AJ', index)}, and its agent did not join",),
        ),
    )


def a_delayed(index: int, latency_ms: float) -> TrialReport:
    """A trial whose agent came late."""
    finding = Finding(
        check=delayed.SLUG,
        severity=Severity.FAIL,
        title="the agent came late",
        fact=f"{latency_ms / 1000:.2f} s from the room's creation to the agent's joining; normal is under 2 s.",
        hint="Most of it passed before the worker was asked.",
        trial=index,
    )
    diagnosis = Diagnosis(
        (Cause.SLOW_PLATFORM,),
        finding.hint,
        (f"of it {latency_ms / 1000 - 0.4:.2f} s on the platform's side, 0.40 s on the worker's side",),
        would_tell=("the worker's log (--worker-log): when it received the request",),
        reference="https://github.com/livekit/agents-js/issues/1211",
    )
    return a_trial(
        index,
        outcome=Outcome.DELAYED,
        diagnosis=diagnosis,
        latency_ms=latency_ms,
        stages_ms={"dispatch": 4.0, "assigned": latency_ms - 70, "joined": latency_ms},
        findings=(finding,),
        timeline=a_story(index, ending=f"the agent joined after {latency_ms / 1000:.2f} s"),
    )


def a_summary(trials: tuple[TrialReport, ...]) -> DispatchSummary:
    """The figures of these trials."""
    outcomes = {outcome.value: sum(trial.outcome is outcome for trial in trials) for outcome in Outcome}
    judged = len(trials) - outcomes["error"] - outcomes["inconclusive"]
    stages = dict.fromkeys(stage for trial in trials for stage in trial.stages_ms)
    return DispatchSummary(
        trials=len(trials),
        outcomes=outcomes,
        mismatches={kind.value: sum(trial.mismatch is kind for trial in trials) for kind in Mismatch},
        latency_ms=Quantiles.of([t.latency_ms for t in trials if t.latency_ms is not None]),
        stages_ms={
            stage: Quantiles.of([t.stages_ms[stage] for t in trials if stage in t.stages_ms]) for stage in stages
        },
        state_lag_ms=Quantiles.of([t.state_lag_ms for t in trials if t.state_lag_ms is not None]),
        lost_rate=Rate.wilson(outcomes["dropped"], judged),
        rescued=sum(trial.fallback is Fallback.RESCUED for trial in trials),
        fallbacks={kind.value: sum(trial.fallback is kind for trial in trials) for kind in Fallback},
    )


def a_report(trials: tuple[TrialReport, ...], **changes: Any) -> DispatchReport:
    """A report over these trials, passing but for the changes."""
    subject = tuple(trial for trial in trials if trial.role == "subject")
    control = tuple(trial for trial in trials if trial.role == "control")
    report = DispatchReport(
        run=Run(
            id="7f3k2m",
            command="lkdiag dispatch-trial --count 20 --agent-name inbound-agent",
            scenario="dispatch-trial",
            kind="dispatch",
            title="What happens?",
            reported=None,
            options={
                "count": 20,
                "method": "create-room",
                "agent_name": "inbound-agent",
                "timeout_s": 20.0,
                "delayed_after_s": 2.0,
            },
            started_at="2026-08-21T10:14:02.001Z",
            finished_at="2026-08-21T10:15:40.250Z",
            interrupted=False,
            aborted=None,
            lkdiag_version="0.1.0",
        ),
        environment=Environment(
            server=Server("1.10.1", "Cloud", "Germany 2", "NC_OFRANKFURT1B_x7"),
            project_host="voice-product-x1y2z3.livekit.cloud",
            subject="inbound-agent",
            probe_worker_ids=(),
            clock_offset_ms=12.34,
            clock_error_ms=4.2,
            sdk={"livekit": "1.1.2", "livekit-api": "1.2.0", "livekit-protocol": "1.1.29"},
            python="3.11.7",
            os="Linux 6.8.0 x86_64",
        ),
        verdict=Verdict.PASS,
        headline=f"All {len(subject)} dispatches were delivered.",
        summary=a_summary(subject),
        control=a_summary(control) if control else None,
        trials=trials,
        warmup=(),
        leftover_rooms=(),
        findings=(),
    )
    return replace(report, **changes)


def empty() -> DispatchReport:
    """Interrupted before the first trial was over."""
    report = a_report(())
    return replace(
        report,
        run=replace(report.run, interrupted=True, finished_at=None),
        environment=replace(report.environment, server=Server(), clock_offset_ms=None, clock_error_ms=None),
        verdict=Verdict.INCONCLUSIVE,
        headline="No trial was finished: nothing can be said.",
    )


def delivered() -> DispatchReport:
    """All 20 delivered, after a late warm-up trial."""
    warmup = a_delayed(0, 5080.0)
    return a_report(tuple(a_trial(index) for index in range(1, 21)), warmup=(warmup,))


def _failing_trials() -> tuple[TrialReport, ...]:
    special = {
        3: a_dropped(3),
        4: a_dropped(4, fallback=Fallback.LOST, fallback_latency_ms=None),
        7: a_delayed(7, 6240.0),
        9: a_false_running(9),
        10: a_false_running(10),
        11: a_false_running(11),
        15: a_dropped(15),
        16: a_delayed(16, 15870.0),
        21: a_trial(
            21,
            outcome=Outcome.ERROR,
            state=State.NO_DISPATCH,
            room_sid=None,
            dispatch_id=None,
            job_id=None,
            worker_id=None,
            agent_identity=None,
            participant_ids={},
            latency_ms=None,
            stages_ms={},
            state_lag_ms=None,
            fallback=Fallback.OFF,
            findings=(
                Finding(
                    check=not_carried_out.SLUG,
                    severity=Severity.FAIL,
                    title="the trial could not be carried out",
                    fact="CreateRoom was rejected: 503 unavailable 'no response from servers', after 3.00 s.",
                    hint="A node may have gone; try again in a minute.",
                    trial=21,
                ),
            ),
            timeline=a_story(21, ending="CreateRoom answered 503: the trial could not be carried out"),
        ),
        26: a_delayed(26, 2310.0),
        30: a_dropped(30, role="control"),
        33: a_delayed(33, 9120.0),
        38: a_trial(38, mismatch=Mismatch.UNREPORTED, state=State.NO_JOB, state_lag_ms=None),
    }
    return tuple(
        special.get(index) or a_trial(index, role="control" if index % 10 == 0 else "subject") for index in range(1, 41)
    )


def failing() -> DispatchReport:
    """40 trials with a control, and one of nearly everything that can go wrong."""
    trials = _failing_trials()
    report = a_report(
        trials,
        verdict=Verdict.FAIL,
        headline="6 of 35 dispatches were lost, 4 came late, and 3 said running without an agent.",
        leftover_rooms=(
            LeftoverRoom(
                "lkdiag-7f3k2m-016", an_id("RM", 16), "2026-08-21T10:14:34.100Z", ("sip_+15550100", "agent-x")
            ),
        ),
        findings=(
            Finding(
                check=dropped.SLUG,
                severity=Severity.FAIL,
                title="no agent came in time",
                fact="4 of 40 dispatches had no job after 20 s.",
                hint="The control lost one too: the worker is not the reason. Report the ids above.",
                trials=(3, 4, 15, 30),
                reference="https://github.com/livekit/agents-js/issues/1211",
            ),
            Finding(
                check=false_running.SLUG,
                severity=Severity.FAIL,
                title="listDispatch says RUNNING, but no agent is there",
                fact="3 dispatches in a row said JS_RUNNING without an agent.",
                hint="Do not rely on the state; ask whether the agent is in the room.",
                trials=(9, 10, 11),
            ),
            Finding(
                check=cold_start.SLUG,
                severity=Severity.NOTE,
                title="the first dispatch after an idle gap differs",
                fact="5.08 s against a median of 311 ms.",
                hint="",
            ),
        ),
        warmup=(a_delayed(0, 5080.0),),
        notes=("The last line of the journal is torn; what it held is lost.",),
    )
    command = "lkdiag dispatch-trial --count 36 --control --agent-name inbound-agent --method create-room --fallback"
    return replace(report, run=replace(report.run, command=command, options={**report.run.options, "count": 40}))


def inconclusive() -> DispatchReport:
    """lkdiag's own event loop was too slow to judge some of the trials."""
    finding = Finding(
        check=not_fit.SLUG,
        severity=Severity.INCONCLUSIVE,
        title="lkdiag can't judge this trial",
        fact="The event loop was blocked for 1.84 s at +0.301 s.",
        hint="Run it on a quieter machine, or with a lower --concurrency.",
        trial=2,
    )
    late = a_trial(
        2,
        outcome=Outcome.INCONCLUSIVE,
        latency_ms=None,
        stages_ms={},
        state=State.PENDING,
        fallback=Fallback.OFF,
        findings=(finding,),
        timeline=a_story(2, ending="event loop late by 1.84 s"),
    )
    return a_report(
        (a_trial(1), late, a_trial(3)),
        verdict=Verdict.INCONCLUSIVE,
        headline="1 of 3 trials could not be judged: lkdiag itself was too slow.",
        health=OwnHealth(
            loop_lag_ms=Quantiles.of([0.4, 0.5, 1.1, 90.5, 1840.0]),
            stalled_ms=1840.0,
            cores=2,
            machine_percent=Quantiles.of([12.0, 99.0, 100.0]),
            busy_ms=2100.0,
            own_percent=Quantiles.of([20.0, 120.0, 140.0]),
            server_percent=Quantiles(0),
            cpu_ms_a_trial=131.0,
            descriptors_max=1820,
            descriptors_limit=20_000,
            answers_ms=Quantiles.of([4.1, 90.0, 410.2]),
            bottleneck="lkdiag",
            advice="lkdiag itself was the bottleneck: its event loop came up to 1840 ms late (p99), no processor was "
            "free for 2.1 s; lower --concurrency to about 7, or use --join signal",
        ),
        findings=(replace(finding, trial=None, trials=(2,)),),
    )


def hostile() -> DispatchReport:
    """Markup, escape codes, pipes, HTML, back-ticks, a very long name, in every text that comes from elsewhere."""
    finding = Finding(
        check=dropped.SLUG,
        severity=Severity.FAIL,
        title=f"Dropped [bold]{HOSTILE_ERROR}",
        fact=HOSTILE_ERROR,
        hint=HOSTILE_AGENT,
        trial=1,
        reference="javascript:alert(1) [x](y)",
    )
    story = tuple(
        TimelineLine("2026-08-21T10:14:02.001Z", 1.5, lane, text)
        for lane, text in (("[red]api", HOSTILE_ERROR), ("worker\x1b[2J", HOSTILE_AGENT))
    )
    diagnosis = Diagnosis(
        (), HOSTILE_ERROR, (HOSTILE_AGENT,), (HOSTILE_ERROR,), (HOSTILE_AGENT,), "javascript:alert(2)"
    )
    trial = a_dropped(
        1,
        room="room | <b>`x`</b>\x1b[31m[red] \udc80",
        method="create|room",
        findings=(finding,),
        timeline=story,
        diagnosis=diagnosis,
    )
    report = a_report((trial, a_trial(2, room="räume/日本語/🙂 [/red]")))
    return replace(
        report,
        run=replace(
            report.run,
            command=f"lkdiag dispatch-trial --agent-name '{HOSTILE_AGENT}'",
            options={**report.run.options, "agent_name": HOSTILE_AGENT, "metadata": HOSTILE_ERROR},
            aborted=HOSTILE_ERROR,
        ),
        environment=replace(
            report.environment,
            server=Server("1.0[red]", "<script>", "a|b", "N_`x`"),
            subject=HOSTILE_AGENT,
        ),
        verdict=Verdict.FAIL,
        headline=f"Lost: {HOSTILE_ERROR}",
        leftover_rooms=(LeftoverRoom(f"room {HOSTILE_ERROR}", an_id("RM", 1), None, (HOSTILE_AGENT, "a|b")),),
        findings=(replace(finding, trial=None, trials=(1,)),),
        notes=(HOSTILE_ERROR,),
    )


def many(count: int = 3000) -> DispatchReport:
    """Far more trials than an issue body holds, every third of them dropped."""
    trials = tuple(a_dropped(index) if index % 3 == 0 else a_trial(index) for index in range(1, count + 1))
    return a_report(trials, verdict=Verdict.FAIL, headline=f"{count // 3} of {count} dispatches were lost.")


SAMPLES = {
    "empty": empty,
    "delivered": delivered,
    "failing": failing,
    "inconclusive": inconclusive,
    "hostile": hostile,
}
