"""How the settings of two runs differ, and where that makes a comparison of their outcomes unfair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.compare.value import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.report.value import Report

UNFAIR = {
    "timeout_s": "lost means something else in each; delays are compared up to the shorter one",
    "window_s": "left open means something else in each",
    "closed_within_s": "closed in time means something else in each",
    "warmup": "a worker's first trial, whose job is listed late, counts in one and not in the other",
    "caller": "with a caller in the room other jobs are made, and other delays begin",
    "job_type": "jobs of another type begin at another moment",
    "faults": "what is broken on purpose in one only is no difference of the platform",
    "remove_agent": "an agent that was put out can't clean up",
    "hangup_style": "the server lists a lost line for about 21 s",
    "reuse_room_name": "a room that was there before answers otherwise",
    "webhooks": "the receiver of webhooks behaves otherwise",
}
"""Settings that change what is measured, and how. The others (the method, the region, a version) may be just what is
to be compared."""
SAME_ENOUGH = frozenset(
    {
        "count", "seed", "fault_fallback", "control", "control_share", "webhook_listen", "agent_name", "cleanups",
        "hangups", "agent_exits",
    }
)  # fmt: skip
"""Settings that change which trials there are, or what stands beside them, but not what a trial is; and the agent's
name, which is the subject's."""
PROBE = "lkdiag's probe"


def differences(a: Report, b: Report) -> tuple[Difference, ...]:
    """The unfair ones first."""
    found = sorted(_differences(a, b), key=lambda one: one.unfair is None)
    return tuple(found)


def warnings(a: Report, b: Report, found: tuple[Difference, ...]) -> tuple[str, ...]:
    """What a reader has to know before the figures."""
    said = []
    if a.run.id == b.run.id:
        said.append("A and B are the same run")
    said += [f"{one.name} differs ({one.a} against {one.b}): {one.unfair}" for one in found if one.unfair]
    others = [one.name for one in found if one.unfair is None]
    if len(others) > 1:
        said.append(
            f"{', '.join(others[:-1])} and {others[-1]} differ at once: which of them made a difference, can't be told"
        )
    for name, report in (("A", a), ("B", b)):
        if report.run.interrupted:
            said.append(f"{name} was interrupted: it has fewer trials than were planned")
        if report.run.aborted is not None:
            said.append(f"{name} was given up: {report.run.aborted}")
    return tuple(said)


def _differences(a: Report, b: Report) -> Iterator[Difference]:
    if a.environment.subject != b.environment.subject:
        mixed = PROBE in (a.environment.subject, b.environment.subject)
        unfair = "lkdiag's own worker does next to nothing: yours can only be slower" if mixed else "different workers"
        yield Difference("subject", a.environment.subject, b.environment.subject, unfair)
    for name in dict.fromkeys((*a.run.options, *b.run.options)):
        mine, others = a.run.options.get(name), b.run.options.get(name)
        if mine != others and name not in SAME_ENOUGH:
            yield Difference(_label(name), _told(name, mine), _told(name, others), UNFAIR.get(name))
    if a.run.scenario != b.run.scenario:
        yield Difference("scenario", a.run.scenario, b.run.scenario, "it is another scenario")
    yield from _places(a, b)


def _places(a: Report, b: Report) -> Iterator[Difference]:
    """Where, and with which versions."""
    ours, theirs = a.environment, b.environment
    pairs = [
        ("project", ours.project_host, theirs.project_host),
        ("server version", ours.server.version, theirs.server.version),
        ("server edition", ours.server.edition, theirs.server.edition),
        ("region", ours.server.region, theirs.server.region),
        ("lkdiag", a.run.lkdiag_version, b.run.lkdiag_version),
        *((name, ours.sdk.get(name), theirs.sdk.get(name)) for name in dict.fromkeys((*ours.sdk, *theirs.sdk))),
        ("Python", ours.python, theirs.python),
        ("OS", ours.os, theirs.os),
    ]
    for name, mine, others in pairs:
        if (mine or None) != (others or None):
            yield Difference(name, mine or "unknown", others or "unknown", None)


def _label(name: str) -> str:
    return name.removesuffix("_s").replace("_", "-")


def _told(name: str, value: Any) -> str:
    if value in (None, "", [], ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_told("", one) for one in value)
    if isinstance(value, dict):
        return _fault(value)
    return f"{value:g} s" if name.endswith("_s") and isinstance(value, int | float) else str(value)


def _fault(value: dict[str, Any]) -> str:
    """A fault of the probe as `--fault` has it: `slow:4s=0.1`."""
    behaviour = value.get("behaviour")
    if not isinstance(behaviour, dict):
        return str(value)
    words = [str(behaviour.get("name")), *(str(one) for one in behaviour.get("arguments", ()))]
    share = value.get("share")
    return ":".join(words) + ("" if share in (None, 1) else f"={share:g}")
