"""What each setting of a scenario's file means: an editor shows it beside the key."""

from __future__ import annotations

WORDS = {
    # dispatch
    "count": "Trials of the subject; in a teardown, times that each cell of the grid is played.",
    "method": "How the dispatch is made.",
    "agent_name": "Your worker's name. Left out, it is lkdiag's own worker, or the main one of [workers].",
    "timeout": "An agent that joins later than that is lost.",
    "delayed_after": "An agent that joins later than that is late.",
    "settle": "How long the job of a present agent may be missing in listDispatch; the server may need 5 s.",
    "fallback": "Whether the step fallback tries createDispatch when nobody came.",
    "fallback_timeout": "How long the fallback may take.",
    "control": "Whether lkdiag's own worker is tried in between: is it your worker, or the platform?",
    "control_share": "Share of control trials among all.",
    "caller": "A simulated caller in the room; later: only once a step lets it join.",
    "join": "How lkdiag's own agents and callers join: with media, or by signalling alone, which is cheap. Left out: "
    "media up to 8 trials at a time, above it signal.",
    "job_type": "For which jobs the worker registers.",
    "warmup": "Trials kept out of the figures. Left out: 1 for lkdiag's own worker, 0 for others.",
    "concurrency": "Trials, or calls, at a time.",
    "rate": "Trials begun a second, whatever became of earlier ones.",
    "burst": "So many trials begin at the same instant.",
    "burst_every": "From one burst to the next.",
    "duration": "Trials begin until that much time has passed, whatever count says.",
    "max_in_flight": "With rate or burst: a trial that is due while so many go on is not begun.",
    "gap": "Pause between two trials.",
    "reuse_room_name": "Whether every trial goes to a room of the same name.",
    "fault": "Break that share of the trials on purpose: ghost=0.2,slow:4s=0.1.",
    "fault_fallback": "Whether the fault strikes the fallback too.",
    "seed": "The same seed draws the same faults.",
    "metadata": "Job metadata for your worker.",
    "webhooks": "How the receiver of the server's webhooks answers them: ok, fail-first, slow:3s or drop.",
    # teardown
    "cleanup": "Who cleans up when one side has hung up; one or a list.",
    "hangup": "Which side hangs up; one or a list.",
    "agent_exit": "How the agent leaves the call; one or a list.",
    "window": "How long to watch after the hang-up. Left out: 8 s, or 29 s for lost lines.",
    "closed_within": "A room that is closed later is slow. Left out: 5 s, or 26 s for lost lines.",
    "hangup_style": "bye leaves cleanly; lost dies like a cut line, which the server lists for about 21 s more.",
    "agent_leaves_within": "How long to wait for your agent to leave before one side hangs up.",
    "remove_agent": "Put your agent out when it has not left by then. Its own cleanup is not tested then.",
    "webhook_listen": "HOST:PORT where a project's webhooks are received, under /webhook.",
}
