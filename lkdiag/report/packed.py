"""Many values of one kind in little memory: each is kept as compressed bytes, and made anew when it is asked for.

A judged trial is some kilobytes of objects, and about 0.3 of them here: 100,000 trials stay in memory, without a file.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, overload

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

PLAIN = 1000
"""So many are kept as they are: a run of that size is in memory at no cost."""
WINDOW = 32_768
"""Bytes. As far back as zlib looks: its dictionary."""
RENEWED_AT = (1, 8, 64, 512)
"""After so many values the dictionary is made of the last ones: they are all alike, but the first may be a rare one."""


class Packed(Generic[T]):
    """Values by their number. `plain` of them are not packed."""

    def __init__(self, kind: type[T], *, plain: int = PLAIN) -> None:
        self.kind = kind
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._plain: dict[int, T] = {}
        self._most_plain = plain
        self._packed: dict[int, bytes] = {}
        self._dictionaries = [b""]
        self._recent = b""
        self._count = 0

    def __len__(self) -> int:
        return len(self._plain) + len(self._packed)

    def __contains__(self, number: int) -> bool:
        return number in self._plain or number in self._packed

    def put(self, number: int, value: T) -> None:
        """Keep it."""
        if len(self._plain) < self._most_plain:
            self._plain[number] = value
            return
        data = self._encoder.encode(value)
        self._learn(data)
        version = len(self._dictionaries) - 1
        packer = zlib.compressobj(level=6, wbits=-15, memLevel=8, zdict=self._dictionaries[version])
        self._packed[number] = bytes((version,)) + packer.compress(data) + packer.flush()

    def get(self, number: int) -> T:
        """The value. Raises KeyError."""
        if number in self._plain:
            return self._plain[number]
        packed = self._packed[number]
        unpacker = zlib.decompressobj(wbits=-15, zdict=self._dictionaries[packed[0]])
        return self._decoder.decode(unpacker.decompress(memoryview(packed)[1:]))

    def take(self, number: int) -> T:
        """The value, which is kept no longer. Raises KeyError."""
        value = self.get(number)
        if self._plain.pop(number, None) is None:
            del self._packed[number]
        return value

    def _learn(self, data: bytes) -> None:
        """The next ones are written as what they differ by from those before."""
        if self._count > RENEWED_AT[-1]:
            return
        if self._count in RENEWED_AT:
            self._dictionaries.append(self._recent)
        self._recent = (self._recent + data)[-WINDOW:]
        self._count += 1


class PackedSequence(Sequence[T]):
    """Some of the packed values, in an order. Each is made anew whenever it is come to."""

    def __init__(self, packed: Packed[T], numbers: Sequence[int]) -> None:
        self._packed = packed
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[T]:
        return map(self._packed.get, self._numbers)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        if isinstance(at, slice):
            return PackedSequence(self._packed, self._numbers[at])
        return self._packed.get(self._numbers[at])

    def changed(self, change: Callable[[T], T]) -> PackedSequence[T]:
        """What `change` makes of each of them."""
        packed = Packed(self._packed.kind)
        for number, value in zip(self._numbers, self, strict=True):
            packed.put(number, change(value))
        return PackedSequence(packed, self._numbers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as of every sequence that is compared by its values


def sequence_of(packed: Packed[T], numbers: Sequence[int], *, plain: int = PLAIN) -> Sequence[T]:
    """The values with these numbers: a tuple where they are few."""
    return tuple(map(packed.get, numbers)) if len(numbers) <= plain else PackedSequence(packed, numbers)


def repacked(values: Sequence[T], change: Callable[[T], T]) -> Sequence[T]:
    """What `change` makes of each of them, packed where they were."""
    if isinstance(values, PackedSequence):
        return values.changed(change)
    return tuple(map(change, values))
