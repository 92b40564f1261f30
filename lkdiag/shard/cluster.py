"""`--cluster ADDRESS`: runs each shard on a different worker of a Dask cluster, and never a second time elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from lkdiag import __version__
from lkdiag.errors import ConnectionLostError, CredentialsError, LkdiagError
from lkdiag.journal.file import FILE_NAME
from lkdiag.private_files import make_private_folder, open_private
from lkdiag.shard import node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from lkdiag.shard.node import Request

CONNECT_TIMEOUT_S = 10.0
LOOK_INTERVAL_S = 1.0
ENDS_WITHIN_S = 60.0
"""After Ctrl-C: each process closes its own rooms, which takes at most 30 s."""


@dataclass(frozen=True)
class Node:
    """A worker of the cluster."""

    address: str
    nonce: str
    host: str
    """The host of the project that it has credentials for."""


class Cluster:
    """`async with Cluster(address) as cluster:` connects. Entering raises LkdiagError."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: Any = None

    async def __aenter__(self) -> Self:
        try:
            from distributed import Client
        except ImportError:
            raise LkdiagError(
                "--cluster needs the package distributed, which is not installed",
                "pip install 'lkdiag[cluster]', here and on every worker",
            ) from None
        try:
            connect: Any = Client  # it has no types
            self._client = await connect(self._address, asynchronous=True, name="lkdiag", timeout=CONNECT_TIMEOUT_S)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            raise ConnectionLostError(
                f"there is no Dask scheduler at {self._address}: {error or type(error).__name__}",
                "its address has the form tcp://HOST:8786 (tls:// with Dask's own security settings)",
            ) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def nodes(self) -> tuple[Node, ...]:
        """All workers. Raises LkdiagError if there are none, or if one can't run a shard, and says why."""
        described = await self._client.run(node.describe, on_error="return")
        if not described:
            raise LkdiagError(f"the cluster at {self._address} has no workers", "start one on each machine")
        found = tuple(_node(address, about) for address, about in sorted(described.items()))
        different = next((one for one in found if one.host != found[0].host), None)
        if different is not None:
            raise CredentialsError(
                f"the workers have different projects: {found[0].address} {found[0].host}, "
                f"{different.address} {different.host}",
                "each uses the credentials of its own environment: give all of them the same",
            )
        return found

    async def run(
        self,
        run_id: str,
        work: Sequence[tuple[Request, Node]],
        folder: Path,
        stop: asyncio.Event,
        tell: Callable[[str], None],
    ) -> dict[int, str]:
        """Run the shards until all have ended or are lost; `stop` ends them early.

        Returns, by shard, what happened to those without a complete journal.
        """
        lost: dict[int, str] = {}
        futures = {
            request.shard.index: self._client.submit(
                node.run_shard, request.encoded(), one.nonce,
                key=f"lkdiag-{request.run_id}", workers=[one.address], allow_other_workers=False,
                pure=False, retries=0,
            )
            for request, one in work
        }  # fmt: skip
        tasks = {index: asyncio.create_task(_result(future)) for index, future in futures.items()}
        places = {request.shard.index: one.address for request, one in work}
        pending = set(tasks)
        stopping = asyncio.create_task(stop.wait())
        deadline: float | None = None
        clock = asyncio.get_running_loop().time
        while pending:
            waiting: set[asyncio.Task[Any]] = {tasks[index] for index in pending}
            await asyncio.wait(
                waiting if stopping.done() else {*waiting, stopping},
                timeout=LOOK_INTERVAL_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if stopping.done() and deadline is None:
                deadline = clock() + ENDS_WITHIN_S
                await self._client.run(node.stop, run_id, on_error="ignore")
            there = await self._there()
            for index in sorted(pending):
                if tasks[index].done():
                    reason = _save_journal(tasks[index].result(), folder / f"{run_id}-s{index}" / FILE_NAME)
                elif there is None:
                    reason = "the scheduler was lost"
                elif places[index] not in there:
                    reason = f"its worker {places[index]} was lost"
                elif deadline is not None and clock() > deadline:
                    reason = f"its worker {places[index]} did not end it when interrupted"
                else:
                    continue
                pending.discard(index)
                tell(f"shard {index}: {reason or 'ended'} [{len(work) - len(pending)}/{len(work)}]")
                if reason is not None:
                    lost[index] = reason
        stopping.cancel()
        # a shard that is still running must never run on another worker
        await asyncio.gather(*(future.cancel() for future in futures.values()), return_exceptions=True)
        for task in tasks.values():
            task.cancel()
        return lost

    async def _there(self) -> set[str] | None:
        """The addresses of the current workers; None if the scheduler does not answer."""
        try:
            return set(await asyncio.wait_for(self._client.nthreads(), CONNECT_TIMEOUT_S))
        except (OSError, TimeoutError, ValueError):
            return None


def _node(address: str, about: Any) -> Node:
    if isinstance(about, ImportError):
        raise LkdiagError(f"lkdiag is not installed on the worker {address}", "pip install 'lkdiag[cluster]' there")
    if isinstance(about, BaseException):
        raise LkdiagError(f"the worker {address} could not be asked: {type(about).__name__}", "see its log")
    if about["lkdiag_version"] != __version__:
        raise LkdiagError(
            f"the worker {address} has lkdiag {about['lkdiag_version']}, here it is {__version__}",
            "install the same version everywhere",
        )
    if "error" in about:
        raise CredentialsError(
            f"the worker {address}: {about['error']}",
            "set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET in the environment of every worker: "
            "credentials are not sent through the cluster",
        )
    return Node(address, about["nonce"], about["host"])


async def _result(future: Any) -> dict[str, Any]:
    """What the worker returned; an exception is a result too (`failed`)."""
    try:
        given = await future
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    return dict(given)


def _save_journal(result: dict[str, Any], path: Path) -> str | None:
    """Save a shard's journal. Returns what happened if it gave none or did not end by itself, else None."""
    if "restarted" in result:
        return "its worker was restarted"
    if "failed" in result:
        return f"its task failed: {result['failed']}"
    if result["journal"] is not None:
        make_private_folder(path.parent)
        with os.fdopen(open_private(path, os.O_EXCL), "wb") as file:
            file.write(zlib.decompress(result["journal"]))
    if result["code"] < 0:
        return f"its process was killed by {signal.Signals(-result['code']).name}"
    if result["journal"] is None:
        return f"it could not begin: {result['error'] or 'no journal'}"
    return None
