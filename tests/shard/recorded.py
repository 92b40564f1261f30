"""Journals of shards, made of a recorded run: each as if another machine had played it, by clocks of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

JOURNAL = Path(__file__).parents[1] / "journals" / "honest.jsonl"
"""Two trials, both delivered, after a warm-up."""
OF = 2
HOUR_NS = 3600 * 1_000_000_000


def write_shard(folder: Path, index: int, *, group: str | None = "a", **options: Any) -> Path:
    """The journal of one of two shards, each of which runs two of four trials; its clocks are hours off."""
    numbers = {1: index, 2: index + OF}
    text = JOURNAL.read_text()
    lines = []
    run_id = json.loads(text.splitlines()[0])["data"]["run_id"]
    own_id = f"{run_id[:-1]}{index}"
    for line in text.replace(run_id, own_id).splitlines():
        event = json.loads(line)
        event["trial"] = numbers.get(event["trial"], event["trial"])
        event = _shifted(event, -index * 7 * HOUR_NS)
        if event["kind"] == "run.started":
            event["data"]["options"] |= {"count": 4, **options}
            event["data"]["shard"] = {"index": index, "of": OF, "subject": 2, "control": 0}
            event["data"]["shard"] |= {} if group is None else {"group": group}
        lines.append(json.dumps(event))
    path = folder / own_id / "journal.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def _shifted(event: dict[str, Any], by_ns: int) -> dict[str, Any]:
    """This machine's clocks, wherever they were written down; the server's stay."""
    data = event["data"]
    for name in [name for name in data if name.endswith("mono_ns") or name in ("before_ns", "after_ns")]:
        data[name] += by_ns
    return {**event, "at_ns": event["at_ns"] + by_ns, "mono_ns": event["mono_ns"] + by_ns}


def add(path: Path, kind: str, after: str, **data: Any) -> None:
    """One more event that belongs to no trial, behind the first of the kind `after`, by the same clocks."""
    lines = path.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    at = next(number for number, event in enumerate(events) if event["kind"] == after)
    event = {**events[at], "kind": kind, "trial": None, "data": data}
    path.write_text("\n".join([*lines[: at + 1], json.dumps(event), *lines[at + 1 :]]) + "\n")


def cut(path: Path, kind: str, trial: int | None, *, torn: bool = False) -> None:
    """What a killed process leaves: everything before its first event of that kind and trial, and half a line."""
    kept = []
    for line in path.read_text().splitlines(keepends=True):
        event = json.loads(line)
        if event["kind"] == kind and event["trial"] == trial:
            kept.append(line[: len(line) // 2] if torn else "")
            break
        kept.append(line)
    path.write_text("".join(kept))
