"""Who wants to know that a mailbox changed: called on the event loop, once a batch each."""

from collections.abc import Callable, Iterable

from mailclad.store.model import MailboxId

Wake = Callable[[], None]

QUEUE = MailboxId(0)
"""Stands for the queue among the mailboxes that changed; ids of mailboxes begin at 1."""


class Watchers:
    def __init__(self) -> None:
        self._watching: dict[MailboxId, list[Wake]] = {}

    def watch(self, mailbox: MailboxId, wake: Wake) -> Callable[[], None]:
        """Returns how to stop; stopping twice is harmless."""
        self._watching.setdefault(mailbox, []).append(wake)
        going = True

        def stop() -> None:
            nonlocal going
            if going:
                going = False
                wakes = self._watching[mailbox]
                wakes.remove(wake)
                if not wakes:
                    del self._watching[mailbox]

        return stop

    def wake(self, mailboxes: Iterable[MailboxId]) -> None:
        for mailbox in mailboxes:
            for wake in tuple(self._watching.get(mailbox, ())):
                wake()
