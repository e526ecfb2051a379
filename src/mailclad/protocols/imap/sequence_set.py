"""Sets of message numbers or UIDs, as clients write them (RFC 9051 §9 "sequence-set").

In: the octets of a set such as ``2,4:7,9:*`` or ``$``; out: a frozen value that is turned
into ascending runs once the largest number is known.  Work is linear in the set's length,
but for one sort.  Limit: the line's (framing).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

Runs = tuple[tuple[int, int], ...]
"""First and last of each run, ascending and apart; the store's ``UidSet``."""

LARGEST_NUMBER = 0xFFFF_FFFF
_NUMBER = rb"(?:[1-9][0-9]{0,9}|\*)"
_RANGE = _NUMBER + rb"(?::" + _NUMBER + rb")?"
SET = re.compile(_RANGE + rb"(?:," + _RANGE + rb")*|\$")


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """``ranges`` in the client's order, 0 standing for ``*``; ``saved`` is the set ``$``."""

    ranges: Runs
    saved: bool = False

    def runs(self, largest: int) -> Runs:
        """Ascending runs, overlaps joined; ``*`` is ``largest``, even when that is 0.

        Numbers above ``largest`` are kept: a UID that does not exist is not an error, a
        sequence number is (see ``highest``).
        """
        filled = ((first or largest, last or largest) for first, last in self.ranges)
        return join_runs((a, b) if a <= b else (b, a) for a, b in filled)

    def highest(self) -> int:
        """The largest number that is written out; ``*`` does not count."""
        return max((max(pair) for pair in self.ranges), default=0)


def join_runs(pairs: Iterable[tuple[int, int]]) -> Runs:
    """The shortest ascending runs that hold what these (first ≤ last) hold."""
    runs: list[tuple[int, int]] = []
    start = end = -1
    for first, last in sorted(pairs):
        if first <= end + 1 and runs:
            if last > end:
                end = last
                runs[-1] = (start, end)
            continue
        start, end = first, last
        runs.append((start, end))
    return tuple(runs)


def parse_set(octets: bytes) -> SequenceSet | None:
    """The value of octets that match ``SET``, or None where a number is too large."""
    if octets == b"$":
        return SequenceSet((), saved=True)
    ranges = tuple(map(_pair, octets.replace(b"*", b"0").split(b",")))
    if max(map(max, ranges)) > LARGEST_NUMBER:
        return None
    return SequenceSet(ranges)


def _pair(octets: bytes) -> tuple[int, int]:
    first, colon, last = octets.partition(b":")
    return (int(first), int(last)) if colon else (int(first), int(first))


def write_runs(runs: Iterable[tuple[int, int]]) -> bytes:
    """``1:3,7``: the inverse of ``parse_set`` for runs without ``*``."""
    return b",".join(
        b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in runs
    )
