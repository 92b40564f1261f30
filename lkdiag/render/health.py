"""What lkdiag saw of its own load, in words; one owner for every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.wording import duration

if TYPE_CHECKING:
    from lkdiag.report.value import Report


def advice(report: Report) -> str:
    """What held the run up, and what to lower; empty where there is nothing remarkable."""
    told = "" if report.health is None else report.health.advice
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def load_row(report: Report) -> tuple[str, str]:
    """Label and text: event loop, processors, open files, the server's answers."""
    health = report.health
    if health is None:
        return "lkdiag's load", ""
    lag = health.loop_lag_ms
    whose = "" if health.shard is None else f"shard {health.shard}, which fared worst: "
    parts = [
        f"{whose}event loop late by {duration(lag.p50)} (p50), {duration(lag.p99)} (p99), {duration(lag.max)} at most"
    ]
    if health.own_percent.max is not None:
        parts.append(f"up to {health.own_percent.max:.0f} % of a processor, of {health.cores}")
    if health.server_percent.max is not None:
        parts.append(f"livekit-server beside it up to {health.server_percent.max:.0f} %")
    if health.cpu_ms_a_trial is not None:
        parts.append(f"{health.cpu_ms_a_trial:.0f} ms of processor time a trial")
    if health.busy_ms:
        parts.append(f"no processor free for {duration(health.busy_ms)}")
    if health.descriptors_max is not None:
        limit = "" if health.descriptors_limit is None else f" of {health.descriptors_limit}"
        parts.append(f"{health.descriptors_max}{limit} files and sockets open")
    if health.answers_ms.count:
        parts.append(f"the server's answers took up to {duration(health.answers_ms.max)} (p99 of a second)")
    return "lkdiag's load", ", ".join(parts)
