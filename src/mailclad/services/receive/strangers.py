"""Whom guards look at: everybody but clients of networks that are our own.

What our own machines and this one hand in is not judged: its address says nothing about its
sender, and there is nobody to ask in the DNS.
"""

from mailclad.services.receive.guard import Client, Guard, Visit
from mailclad.services.receive.networks import Networks


class ForStrangers(Guard):
    """Another guard, for clients with an address outside these networks."""

    def __init__(self, guard: Guard, own: Networks) -> None:
        self._guard, self._own = guard, own

    def meet(self, client: Client) -> Visit:
        if not client.peer or client.peer in self._own:
            return Visit()
        return self._guard.meet(client)
