"""A reverse proxy on loopback that breaks chosen calls. What it does not break passes byte by byte.

It reads raw streams. No HTTP library stands between: such a library would rewrite headers, and could not send a body
that lies about its length.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

HEAD_MAX = 256 * 1024
"""Bytes of a request's or an answer's head."""
CHUNK = 64 * 1024
CLOSED_WITHIN_S = 5.0


class Kind(StrEnum):
    """What is done to a call."""

    LATE = "late"
    """The call waits for `delay_s`, then it is carried out."""
    CUT_LENGTH = "cut-length"
    """The answer has the Content-Length of the whole, and a part of the body."""
    CUT_CHUNKED = "cut-chunked"
    """The answer is chunked, and its last chunk never comes."""
    CUT_CLOSED = "cut-closed"
    """The answer has no length: the connection ends after a part of the body, which looks like its end."""
    EMPTY = "empty"
    """The answer has its own headers, `Content-Length: 0`, and no body."""
    EMPTY_UNTYPED = "empty-untyped"
    """The same without a Content-Type."""
    EMPTY_HTML = "empty-html"
    """The same as text/html."""
    DROPPED = "dropped"
    """The connection ends, and the call is not carried out."""
    LOST = "lost"
    """The call is carried out, then the connection ends: only the answer is lost."""
    LIMITED_HTML = "429-html"
    LIMITED_HTML_RETRY = "429-html-retry-after"
    LIMITED_TWIRP = "429-twirp"
    LIMITED_TWIRP_RETRY = "429-twirp-retry-after"
    BAD_GATEWAY_HTML = "502-html"
    BAD_GATEWAY_JSON = "502-json"
    """JSON that is not Twirp's."""
    UNAVAILABLE_HTML = "503-html"
    UNAVAILABLE_JSON = "503-json"
    BLACKHOLE = "blackhole"
    """The call is not carried out, and not answered: the connection stays open."""
    SOCKET_CUT = "socket-cut"
    """A websocket is lost after `delay_s`."""
    SOCKET_STALL = "socket-stall"
    """After `delay_s` a websocket passes nothing on; it stays open."""


class Keep(StrEnum):
    """How much of its body an answer keeps when it is cut. A body of no bytes, as DeleteRoom's, loses nothing."""

    NONE = "none"
    HALF = "half"
    FIELDS = "fields"
    """All but the last field of the Protobuf message: what is left is a well-formed message."""
    ALL_BUT_ONE = "all-but-one"
    """All but the last byte."""


CALL_KINDS = tuple(kind for kind in Kind if not kind.startswith("socket-"))
"""Those for calls of the HTTP API."""
CUTS = (Kind.CUT_LENGTH, Kind.CUT_CHUNKED, Kind.CUT_CLOSED)
EMPTIES = (Kind.EMPTY, Kind.EMPTY_UNTYPED, Kind.EMPTY_HTML)
NOT_CARRIED_OUT = (
    Kind.DROPPED,
    Kind.BLACKHOLE,
    *(kind for kind in Kind if kind[:3] in ("429", "502", "503")),
)
"""The server never hears of these calls."""
OF_BODIES = (*CUTS, *EMPTIES, Kind.LOST)
"""A websocket has no such answer: these faults pass it by."""

_PAGE = b"<html><head><title>%(what)s</title></head><body><h1>%(what)s</h1><hr>proxy</body></html>\n"
_REASONS = {429: b"Too Many Requests", 502: b"Bad Gateway", 503: b"Service Unavailable"}


@dataclass(frozen=True)
class Fault:
    """One fault, with its measures. A measure that the kind does not name is not used."""

    kind: Kind
    keep: Keep = Keep.HALF
    delay_s: float = 1.0
    retry_after_s: int = 1

    def __str__(self) -> str:
        return f"{self.kind}:{self.keep}" if self.kind in CUTS else str(self.kind)


@dataclass
class Call:
    """A call that reached the proxy, and what became of it."""

    method: str
    """Twirp's method, as `CreateRoom`; else the path, as `/agent` or `/rtc`."""
    number: int
    """Counts the calls of this method, from 1."""
    at_s: float
    """When it came; monotonic."""
    asked: bytes = field(repr=False)
    """The request's body."""
    fault: Fault | None = None
    """What was done to it; None: it passed."""
    status: int | None = None
    """The server's own answer; None: the server did not answer, or was not asked."""

    @property
    def is_socket(self) -> bool:
        """Whether it asks for a websocket, or for what belongs to one."""
        return self.method.startswith("/")

    def mentions(self, room: str) -> bool:
        """Whether the request names that room."""
        return room.encode() in self.asked


Plan: TypeAlias = "Callable[[Call], Fault | None]"
"""Says of each call, before it is carried out, what is to be done to it."""


def nothing(_call: Call) -> Fault | None:
    """Every call passes."""
    return None


def nth(faults: Mapping[tuple[str, int], Fault]) -> Plan:
    """The n-th call of a method: `{("CreateRoom", 2): Fault(Kind.LOST)}`."""
    return lambda call: faults.get((call.method, call.number))


def every(method: str, fault: Fault, first: int = 1) -> Plan:
    """Each call of a method, from the `first` on."""
    return lambda call: fault if call.method == method and call.number >= first else None


def seeded(seed: int, share: float, kinds: Sequence[Kind] = CALL_KINDS) -> Plan:
    """A share of the API's calls, drawn by a seed. What a call suffers hangs on the seed, its method and its number."""

    def plan(call: Call) -> Fault | None:
        draw = random.Random(f"{seed} {call.method} {call.number}")
        if call.is_socket or draw.random() >= share:
            return None
        return draw_fault(draw, draw.choice(kinds))

    return plan


def draw_fault(draw: random.Random, kind: Kind) -> Fault:
    """A fault of that kind, with measures by chance: a delay of 0.05 to 3 s."""
    return Fault(kind, draw.choice(list(Keep)), round(0.05 * 60 ** draw.random(), 2))


class FaultyProxy:
    """`async with FaultyProxy(server.url, plan) as proxy:` stands before that server until the block ends.

    `plan` may be replaced at any time: it is asked of each call anew.
    """

    def __init__(self, target: str, plan: Plan = nothing) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)
        self.plan = plan
        self.calls: list[Call] = []
        """Every call that came, in its order."""
        self.hurt = asyncio.Event()
        """Set when the first call has met its fault."""
        self._counts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_MAX)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """What lkdiag is given as --url."""
        assert self._server is not None, "used outside its `async with`"
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"ws://{host}:{port}"

    def of(self, method: str) -> list[Call]:
        """The calls of that method, in their order."""
        return [call for call in self.calls if call.method == method]

    def faults(self) -> list[Call]:
        """The calls that met a fault, in their order."""
        return [call for call in self.calls if call.fault is not None]

    # -- one connection ------------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="a connection to the proxy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # one of the two sides has gone
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve the next request; whether the connection goes on afterwards."""
        request = await _read_message(reader, answer=False)
        path = urlsplit(request.first.split(b" ")[1].decode()).path
        method = path.rpartition("/")[2] if path.startswith("/twirp/") else path
        self._counts[method] += 1
        call = Call(method, self._counts[method], time.monotonic(), request.content)
        is_socket = request.headers.get(b"upgrade", b"").lower() == b"websocket"
        fault = self.plan(call)
        call.fault = fault = None if fault is None or (is_socket and fault.kind in OF_BODIES) else fault
        self.calls.append(call)
        try:
            if is_socket and (fault is None or fault.kind not in NOT_CARRIED_OUT):
                await self._tunnel(fault, request, reader, writer)
                return False
            if fault is None:
                answer = await self._forward(call, request)
                writer.write(answer.raw)
                await writer.drain()
                return not answer.until_closed
            return await self._harm(call, fault, request, reader, writer)
        finally:
            if fault is not None:
                self.hurt.set()

    async def _forward(self, call: Call, request: _Message) -> _Message:
        """The server's answer, as it came."""
        reader, writer = await asyncio.open_connection(*self._target, limit=HEAD_MAX)
        try:
            writer.write(request.raw)
            await writer.drain()
            answer = await _read_message(reader, answer=True)
        finally:
            writer.close()
        call.status = int(answer.first.split(b" ")[1])
        return answer

    async def _harm(
        self,
        call: Call,
        fault: Fault,
        request: _Message,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        kind = fault.kind
        if kind is Kind.BLACKHOLE:
            while await reader.read(CHUNK):
                pass
            return False
        if kind is Kind.DROPPED:
            writer.transport.abort()
            return False
        if kind in NOT_CARRIED_OUT:
            writer.write(_refusal(fault))
            await writer.drain()
            return True
        if kind is Kind.LATE:
            await asyncio.sleep(fault.delay_s)
        answer = await self._forward(call, request)
        if kind is Kind.LOST:
            writer.transport.abort()
            return False
        writer.write(_broken(fault, answer))
        await writer.drain()
        return kind not in CUTS and not answer.until_closed

    # -- websockets ----------------------------------------------------------------------------------------------

    async def _tunnel(
        self, fault: Fault | None, request: _Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass bytes both ways until one side ends, or the fault comes."""
        if fault is not None and fault.kind is Kind.LATE:
            await asyncio.sleep(fault.delay_s)
        there, here = await asyncio.open_connection(*self._target, limit=HEAD_MAX)
        flow = _Flow()
        pumps = [
            asyncio.create_task(flow.pump(reader, here)),
            asyncio.create_task(flow.pump(there, writer)),
        ]
        try:
            here.write(request.raw)
            if fault is not None and fault.kind is not Kind.LATE:
                await asyncio.wait(pumps, timeout=fault.delay_s, return_when=asyncio.FIRST_COMPLETED)
                if fault.kind is Kind.SOCKET_CUT:
                    writer.transport.abort()
                    return
                flow.stalled = True
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            here.close()


class _Flow:
    """Both ways of a websocket. Once it is stalled, what comes is thrown away."""

    stalled = False

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                if not self.stalled:
                    sink.write(data)
                    await sink.drain()


# -- HTTP/1.1 --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Message:
    """A request or an answer, as it came."""

    head: bytes
    """With the empty line that ends it."""
    body: bytes
    """As it was framed."""
    content: bytes
    """Without the framing of chunks."""
    until_closed: bool = False
    """Its body ended with the connection."""

    @property
    def raw(self) -> bytes:
        return self.head + self.body

    @property
    def first(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def headers(self) -> dict[bytes, bytes]:
        """By name in lower case."""
        return _headers(self.head)


def _headers(head: bytes) -> dict[bytes, bytes]:
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:] if line)
    return {name.strip().lower(): value.strip() for name, _, value in lines}


async def _read_message(reader: asyncio.StreamReader, *, answer: bool) -> _Message:
    """The next request or answer. Raises EOFError where the connection ends before it is whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    headers = _headers(head)
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        body, content = await _read_chunks(reader)
        return _Message(head, body, content)
    length = headers.get(b"content-length")
    if length is not None:
        body = await reader.readexactly(int(length))
        return _Message(head, body, body)
    if answer and head.split(b" ", 2)[1] not in (b"204", b"304"):
        body = await reader.read()
        return _Message(head, body, body, until_closed=True)
    return _Message(head, b"", b"")


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    framed, content = b"", b""
    while True:
        line = await reader.readuntil(b"\r\n")
        framed += line
        size = int(line.split(b";")[0], 16)
        part = await reader.readexactly(size + 2)  # no trailers: the last chunk is followed by an empty line
        framed += part
        if size == 0:
            return framed, content
        content += part[:-2]


def _with_headers(head: bytes, **changed: bytes | None) -> bytes:
    """The head with some headers replaced, or (None) left out; `content_length` stands for Content-Length."""
    names = {name.replace("_", "-").encode(): value for name, value in changed.items()}
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in names]
    added = [name + b": " + value for name, value in names.items() if value is not None]
    return b"\r\n".join([first, *kept, *added]) + b"\r\n\r\n"


def _broken(fault: Fault, answer: _Message) -> bytes:
    """The answer, as the fault leaves it."""
    head, kept = answer.head, _cut(answer.content, fault.keep)
    whole = str(len(answer.content)).encode()
    match fault.kind:
        case Kind.CUT_LENGTH:
            return _with_headers(head, content_length=whole, transfer_encoding=None) + kept
        case Kind.CUT_CHUNKED:
            chunk = b"%x\r\n%s\r\n" % (len(kept), kept) if kept else b""
            return _with_headers(head, content_length=None, transfer_encoding=b"chunked") + chunk
        case Kind.CUT_CLOSED:
            return _with_headers(head, content_length=None, transfer_encoding=None, connection=b"close") + kept
        case Kind.EMPTY:
            return _with_headers(head, content_length=b"0", transfer_encoding=None)
        case Kind.EMPTY_UNTYPED:
            return _with_headers(head, content_length=b"0", transfer_encoding=None, content_type=None)
        case Kind.EMPTY_HTML:
            return _with_headers(head, content_length=b"0", transfer_encoding=None, content_type=b"text/html")
    return answer.raw


def _cut(content: bytes, keep: Keep) -> bytes:
    match keep:
        case Keep.NONE:
            return b""
        case Keep.HALF:
            return content[: len(content) // 2]
        case Keep.FIELDS:
            return content[: _last_field_at(content)]
        case Keep.ALL_BUT_ONE:
            return content[:-1]


def _last_field_at(content: bytes) -> int:
    """Where the last field of a Protobuf message begins; 0 for what is none."""
    at = began = 0
    try:
        while at < len(content):
            began = at
            tag, at = _varint(content, at)
            match tag & 7:
                case 0:
                    _, at = _varint(content, at)
                case 1:
                    at += 8
                case 2:
                    size, at = _varint(content, at)
                    at += size
                case 5:
                    at += 4
                case _:
                    return 0
    except IndexError:
        return 0
    return began if at == len(content) else 0


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _refusal(fault: Fault) -> bytes:
    """An answer that is not the server's."""
    status = int(fault.kind[:3])
    if fault.kind in (Kind.LIMITED_TWIRP, Kind.LIMITED_TWIRP_RETRY):
        content_type, body = b"application/json", b'{"code":"resource_exhausted","msg":"too many requests"}'
    elif fault.kind.endswith("-json"):
        content_type, body = b"application/json", b'{"error":{"status":%d,"reason":"upstream"}}' % status
    else:
        what = b"%d %s" % (status, _REASONS[status])
        content_type, body = b"text/html; charset=utf-8", _PAGE % {b"what": what}
    lines = [
        b"HTTP/1.1 %d %s" % (status, _REASONS[status]),
        b"Content-Type: " + content_type,
        b"Content-Length: %d" % len(body),
    ]
    if fault.kind.endswith("retry-after"):
        lines.append(b"Retry-After: %d" % fault.retry_after_s)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
