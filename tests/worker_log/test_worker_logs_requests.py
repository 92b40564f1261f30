"""A failed request that names no job: it is told whose it was, and never guessed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lkdiag.worker_log import What, read_worker_log

if TYPE_CHECKING:
    from pathlib import Path

REGISTERED, FAILED = "registered worker", "job_request_fnc failed"
NO_ANSWER = "no answer was given inside the job_request_fnc, automatically rejecting the job"


def said(message: str, pid: int = 7, **fields: Any) -> dict[str, Any]:
    return {"message": message, "level": "INFO", "name": "livekit.agents", "pid": pid, **fields}


def asked(job_id: str, pid: int = 7) -> dict[str, Any]:
    return said("received job request", pid, job_id=job_id)


def blamed(folder: Path, *records: dict[str, Any]) -> list[str | None]:
    """The jobs of the lines that name none."""
    path = folder / "worker.log"
    lines = [json.dumps({**r, "timestamp": f"2026-01-01T00:00:{n:02d}Z"}) for n, r in enumerate(records)]
    path.write_text("\n".join(lines))
    nameless = (What.REJECTED, What.REQUEST_FAILED)
    return [line.job_id for line in read_worker_log(path).lines if line.what in nameless]


def test_the_only_request_is_meant(tmp_path: Path) -> None:
    one_after_the_other = (
        said(REGISTERED),
        asked("AJ_1"),
        said(NO_ANSWER),
        asked("AJ_2"),
        said(FAILED),
        said(NO_ANSWER),
    )
    assert blamed(tmp_path, *one_after_the_other) == ["AJ_1", "AJ_2", "AJ_2"]


def test_of_two_that_are_open_none_is_chosen(tmp_path: Path) -> None:
    assert blamed(tmp_path, said(REGISTERED), asked("AJ_1"), asked("AJ_2"), said(NO_ANSWER)) == [None]
    # the first was accepted, perhaps, and may fail yet
    assert blamed(tmp_path, said(REGISTERED), asked("AJ_1"), said("x"), asked("AJ_2"), said(FAILED)) == [None]


def test_a_request_that_had_answered_before_it_failed_stays_open(tmp_path: Path) -> None:
    told = (said(REGISTERED), asked("AJ_1"), said(FAILED), asked("AJ_2"), said(NO_ANSWER))
    assert blamed(tmp_path, *told) == ["AJ_1", None]


def test_workers_of_one_file_are_told_apart(tmp_path: Path) -> None:
    two = (said(REGISTERED), said(REGISTERED, 8), asked("AJ_1"), asked("AJ_2", 8), said(NO_ANSWER, 8), said(NO_ANSWER))
    assert blamed(tmp_path, *two) == ["AJ_2", "AJ_1"]


def test_a_log_that_begins_in_the_middle_tells_nothing(tmp_path: Path) -> None:
    assert blamed(tmp_path, asked("AJ_1"), said(NO_ANSWER)) == [None]
