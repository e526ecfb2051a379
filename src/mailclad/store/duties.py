"""The storage port's duties: what is done now and then by one process, whichever comes first.

A duty that was taken is not due again before the time that was said, whether or not whoever
took it lived to do it: a duty does a little, often, and finds out itself what there is to do.
"""

from typing import Protocol


class Duties(Protocol):
    async def take_duty(self, name: str, now: int, next_due: int) -> bool:
        """Whether it is due now and the caller's to do; then it is due again at ``next_due``."""
        ...

    async def release_duty(self, name: str, now: int) -> None:
        """Whoever took it is done with it early: it is due again."""
        ...
