"""A small table of fading counters that forked processes share and that may be lost.

Fixed slots in anonymous shared memory, mapped before the fork: 64-bit keys in buckets of
eight, no locks.  Two processes that write one slot at once lose a count, no more; a full
bucket forgets its lowest counter.  Never grows, holds no name or address, only keyed hashes.
"""

import mmap
import struct
from dataclasses import dataclass

SLOTS = 16_384
"""512 KiB: more addresses and accounts than can be guessed at within a half-life."""
BUCKET = 8

_SLOT = struct.Struct("<Qddd")


@dataclass(frozen=True, slots=True)
class Counter:
    """``level`` fades by half in each half-life; ``due`` is when the next attempt may be made."""

    level: float
    due: float


FRESH = Counter(0.0, 0.0)


class SharedTable:
    def __init__(self, half_life_seconds: float, slots: int = SLOTS) -> None:
        self._half_life = half_life_seconds
        self._buckets = slots // BUCKET
        self._memory = mmap.mmap(-1, self._buckets * BUCKET * _SLOT.size)

    def get(self, key: int, now: float) -> Counter:
        """``key`` is never 0, which marks a free slot."""
        for offset in self._bucket(key):
            found, level, at, due = _SLOT.unpack_from(self._memory, offset)
            if found == key:
                return Counter(self._faded(level, at, now), due)
        return FRESH

    def put(self, key: int, counter: Counter, now: float) -> None:
        lowest, victim = float("inf"), 0
        for offset in self._bucket(key):
            found, level, at, _ = _SLOT.unpack_from(self._memory, offset)
            if found in {0, key}:  # slots are never freed, so a key lies before a free one
                victim = offset
                break
            level = self._faded(level, at, now)
            if level < lowest:
                lowest, victim = level, offset
        _SLOT.pack_into(self._memory, victim, key, counter.level, now, counter.due)

    def close(self) -> None:
        self._memory.close()

    def _faded(self, level: float, at: float, now: float) -> float:
        fading: float = 0.5 ** (max(0.0, now - at) / self._half_life)
        return level * fading

    def _bucket(self, key: int) -> range:
        start = key % self._buckets * BUCKET * _SLOT.size
        return range(start, start + BUCKET * _SLOT.size, _SLOT.size)
