"""Its agent joins hidden: the API lists it, no client in the room sees it.

A worker registers with the permissions that its agents' tokens are to have, `hidden` among them
(livekit_agent.proto, RegisterWorkerRequest.allowed_permissions; livekit/protocol agent/token.go, BuildAgentToken).
livekit-server v1.13.5 honours it (measured): listParticipants shows the agent with permission.hidden.
"""

from __future__ import annotations

from typing import ClassVar

from lkdiag.worker.behaviour.honest import Honest


class Hidden(Honest):
    """Joins hidden: the API lists its agent, no client sees it."""

    own_worker: ClassVar[bool] = True
    hidden: ClassVar[bool] = True
