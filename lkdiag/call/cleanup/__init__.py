"""Who deletes the room after the call, in two visible tables. One file a cleanup, the reported bug beside its fixes.

Inside: listeners in the agent's own process, which go when it goes. Outside: somebody who watches the project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.call.cleanup import captured_context, late_context, off, optional_context, poll_reaper, webhook_reaper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.call.cleanup.outside import WatchedCall
    from lkdiag.call.session import AgentSession

INSIDE: dict[str, Callable[[AgentSession], None]] = {
    "late-context": late_context.attach,
    "captured-context": captured_context.attach,
    "optional-context": optional_context.attach,
    "off": off.attach,
}
"""Each registers what it needs, when the calls have been merged and the session is still open."""

OUTSIDE: dict[str, Callable[[WatchedCall], Awaitable[None]]] = {
    "webhook-reaper": webhook_reaper.watch,
    "poll-reaper": poll_reaper.watch,
}
"""Each watches a merged call until it is cancelled."""
