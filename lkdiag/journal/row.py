"""What an event kind is: a class with its fields, its lane and its words, through which events are written and read.

To add a kind, declare it in one of the `*_kinds.py`; docs/reference/events.md is made out of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, cast, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Mapping


class Lane(StrEnum):
    """Who an event is about, in the order in which a picture of a trial has them, from top to bottom."""

    LKDIAG = "lkdiag"
    API = "api"
    ROOM = "room"
    DISPATCH = "dispatch"
    WORKER = "worker"
    LOG = "log"
    AGENT = "agent"
    CALLER = "caller"
    HUMAN = "human"
    CLIENT = "client"
    CLEANUP = "cleanup"
    WEBHOOK = "webhook"


@dataclass(frozen=True)
class Unit:
    """The unit of a number."""

    name: str


MonoNs = Annotated[int, Unit("ns"), "by this machine's monotonic clock"]
WallNs = Annotated[int, Unit("ns"), "since 1970, by this machine's clock"]
LogNs = Annotated[int, Unit("ns"), "since 1970, by the log's own clock"]
ServerNs = Annotated[int, Unit("ns"), "since 1970, by the server's clock"]
ServerMs = Annotated[int, Unit("ms"), "since 1970, by the server's clock"]
ServerS = Annotated[int, Unit("s"), "since 1970, by the server's clock"]
Ms = Annotated[float, Unit("ms")]
Seconds = Annotated[float, Unit("s")]

RoomName = Annotated[str, "the room's name"]
RoomSid = Annotated[str, "the room's id, RM_…"]
Identity = Annotated[str, "the participant's identity"]
ParticipantSid = Annotated[str, "the participant's id, PA_…"]
TrackSid = Annotated[str, "the track's id, TR_…"]
AgentName = Annotated[str, "under which agents are dispatched; empty: automatic dispatch"]
DispatchId = Annotated[str, "AD_…"]
JobId = Annotated[str, "AJ_…"]
JobType = Annotated[str, "JT_ROOM, JT_PUBLISHER or JT_PARTICIPANT"]
WorkerId = Annotated[str, "AW_…; the server gives a new one with each registration"]
Error = Annotated[str, "what went wrong"]
Failure = Annotated[str, "how an API call failed: refused, throttled, unanswered or garbled"]
Signal = Annotated[str, "the signal that ended it: SIGINT, SIGTERM, SIGHUP"]


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Row:
    """What an event says, by the names that it has in the journal; a field that is None is not written.

    A row has whatever an event has, and no check is made when it is read: a field without a default that is missing
    raises AttributeError when it is asked for, and what is not declared is kept.

    A class with `kind` is a kind of event. With `kinds`, or with `{who}` in its kind, it is several with the same
    fields: `for_who` tells them apart by the word before the dot. A subclass with `mark` is what a kind's rows are that
    have a field of that name.
    """

    KIND: ClassVar[str] = ""
    KINDS: ClassVar[tuple[str, ...]] = ()
    """Its own; of a base, those of its subclasses; none where they are open (`{who}`)."""
    LANE: ClassVar[Lane] = Lane.LKDIAG
    WHO: ClassVar[str] = ""
    """The word before the dot."""
    _members: ClassVar[dict[str, type[Row]]]
    """Of several kinds that `for_who` tells apart, by that word."""
    _open: ClassVar[str] = ""
    _lanes: ClassVar[Mapping[str, Lane]]
    _shapes: ClassVar[tuple[tuple[str, type[Row]], ...]] = ()

    def __init_subclass__(
        cls,
        *,
        kind: str = "",
        kinds: tuple[str, ...] = (),
        mark: str = "",
        lane: Lane | None = None,
        lanes: Mapping[str, Lane] | None = None,
    ) -> None:
        if lane is not None:
            cls.LANE = lane
        if lanes is not None:
            cls._lanes = lanes
        if mark:
            shaped = cls.__bases__[0]
            assert issubclass(shaped, Row)
            shaped._shapes = (*shaped._shapes, (mark, cls))
            cls._shapes = ()
            return
        cls.KINDS = ()
        if kind.startswith("{who}."):
            cls._open, cls._members = kind.removeprefix("{who}"), {}
            _OPEN[cls._open] = cls
        elif kinds:
            cls._members = {}
            for one in kinds:
                _declare(one, cls._member(one))
        elif kind:
            cls._is_of(kind)
            _declare(kind, cls)

    def __init__(self, **fields: Any) -> None:
        self.__dict__ = {name: value for name, value in fields.items() if value is not None}

    def words(self) -> str | None:
        """The event in plain words, for a trial's story; None where a story has nothing to say of it."""
        return self.KIND

    @classmethod
    def for_who(cls, who: str) -> type[Self]:
        """Of several kinds, that of this one: `Joined.for_who("caller")` is `caller.joined`.

        Raises KeyError where it is none of them.
        """
        found = cls._member(f"{who}{cls._open}") if cls._open and who not in cls._members else cls._members[who]
        return cast("type[Self]", found)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The kinds that it stands for; `{who}.joined` where they are open."""
        return (f"{{who}}{cls._open}",) if cls._open else cls.KINDS

    @classmethod
    def is_declared_in(cls, module: str) -> bool:
        """Whether it is declared in that module as a kind, or as several: no base, and none of the several."""
        is_one_of_several = "_members" in vars(cls.__base__ or cls)
        is_kind = bool(cls.KIND) or "_members" in vars(cls)
        return cls.__module__ == module and is_kind and not is_one_of_several and not cls._shapes

    @classmethod
    def _member(cls, kind: str) -> type[Row]:
        member: type[Row] = type(kind, (cls,), {"__doc__": cls.__doc__, "__module__": cls.__module__})
        member._is_of(kind)
        if cls._open:
            member.LANE = cls._lanes.get(member.WHO, Lane.LKDIAG)
        cls._members[member.WHO] = member
        return member

    @classmethod
    def _is_of(cls, kind: str) -> None:
        cls.KIND, cls.WHO = kind, kind.rpartition(".")[0]
        for base in () if cls._open else cls.__mro__[1:-2]:
            if issubclass(base, Row):
                base.KINDS = (*base.KINDS, kind)
        cls.KINDS = (kind,)


class ServerTold(Row):
    """What the server says of itself."""

    server: Annotated[dict[str, str], "version, edition, region, node_id"]


_KINDS: dict[str, type[Row]] = {}
_OPEN: dict[str, type[Row]] = {}


def _declare(kind: str, row: type[Row]) -> None:
    if kind in _KINDS:
        raise TypeError(f"{kind} is declared twice")
    _KINDS[kind] = row


def row_class(kind: str) -> type[Row]:
    """The class of a kind's rows; `Row` itself for a kind that is not declared here, as of a newer lkdiag."""
    found = _KINDS.get(kind)
    if found is None:
        who, dot, what = kind.rpartition(".")
        family = _OPEN.get(dot + what)
        return Row if family is None else family.for_who(who)
    return found


def row_of(kind: str, data: dict[str, Any]) -> Row:
    """An event's data as a row. It is the same data, and stays as it is."""
    found = _KINDS.get(kind) or row_class(kind)
    if found._shapes:
        found = next((shape for mark, shape in found._shapes if mark in data), found)
    row: Row = _new(found)
    row.__dict__ = data
    return row


_new = object.__new__
