"""The storage port's greylist: who was told to come back, and which networks do come back."""

from typing import Protocol


class Greylist(Protocol):
    """``network`` is text, ``triplet`` stands for a sender and a recipient; times in seconds."""

    async def passes_greylist(
        self, network: str, triplet: bytes, now: int, wait_seconds: int
    ) -> bool:
        """Whether the network is known, or the triplet was first seen so long ago.

        A network passes from then on; a triplet not seen before is remembered from ``now``, the
        last ``MAX_WAITING`` of one network.
        """
        ...

    async def forget_greylist(self, waiting_since: int, passed_since: int) -> int:
        """Remove some of what is older: triplets that never came back, networks that came no more.

        Says how many; 0 when all are gone.
        """
        ...


MAX_WAITING = 1_000
"""Triplets of one network that wait at a time; the oldest makes room, so that whoever tries many
senders keeps no neighbour from being heard."""
