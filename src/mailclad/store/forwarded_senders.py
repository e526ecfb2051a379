"""The storage port's memory of who wrote what was forwarded, where the address was too long.

A token stands for such a sender in the reverse path (``mail.srs``) until its time is over.
"""

from typing import Protocol


class ForwardedSenders(Protocol):
    async def remember_sender(self, token: str, sender: str, until: int) -> None:
        """Until then, or longer where that was said before."""
        ...

    async def forwarded_sender(self, token: str, now: int) -> str | None: ...
    async def forget_senders(self, now: int) -> int:
        """Those whose time is over; how many."""
        ...
