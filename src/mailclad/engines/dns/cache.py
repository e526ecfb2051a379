"""What is known for a while: least used goes first when it becomes too much.

Time is an argument.  Holds at most so many entries and about so many octets, whatever strangers
make us look up.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

FAILURE_SECONDS = 5.0
"""How long a failure is remembered (RFC 9520 §3.2: at least 1 second, at most 5 minutes)."""

ENTRY_OCTETS = 512
"""Counted for each entry beside its value: key, objects, the table."""


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    until: float
    octets: int


class Cache(Generic[K, V]):
    def __init__(self, max_entries: int, max_octets: int) -> None:
        self._max_entries = max_entries
        self._max_octets = max_octets
        self._octets = 0
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K, now: float) -> tuple[V, int] | None:
        """The value and the whole seconds that it still holds."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= now:
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return entry.value, int(entry.until - now)

    def put(self, key: K, value: V, now: float, seconds: float, octets: int) -> None:
        """Nothing is kept that holds for no time."""
        self._remove(key)
        if seconds <= 0:
            return
        entry = _Entry(value, now + seconds, octets + ENTRY_OCTETS)
        self._entries[key] = entry
        self._octets += entry.octets
        while len(self._entries) > self._max_entries or self._octets > self._max_octets:
            self._remove(next(iter(self._entries)))

    def _remove(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._octets -= entry.octets
