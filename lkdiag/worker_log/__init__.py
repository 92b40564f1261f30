"""Reads what a worker says of itself: the log of a Python or a Node one, which knows what no API does."""

from __future__ import annotations

from lkdiag.worker_log.events import TrialKeys, events_of
from lkdiag.worker_log.lines import LogLine, What, WorkerLog
from lkdiag.worker_log.reading import read_worker_log

__all__ = ["LogLine", "TrialKeys", "What", "WorkerLog", "events_of", "read_worker_log"]
