"""A worker that an older deployment left running under the same name.

It serves its jobs well; all that is wrong with it is that it is not the worker which one looks at, and takes jobs from
that one: livekit-server draws among workers of a name by their free load (v1.13.5 pkg/service/agentservice.go,
selectWorkerWeightedByLoad), so one of two idle ones gets half of the jobs.
"""

from __future__ import annotations

from typing import ClassVar

from lkdiag.worker.behaviour.honest import Honest


class Stale(Honest):
    """Takes jobs and joins, but is a worker of an older deployment."""

    own_worker: ClassVar[bool] = True
