"""Your own Python functions in the way of mail: the public names.

    from mailclad.hooks import Hooks, Message, Refuse

    hooks = Hooks()

    @hooks.message
    async def no_invoices(message: Message) -> None:
        if "invoice" in message.header("Subject").lower():
            message.junk("mentions an invoice")

Named in ``[hooks]`` of the configuration, or given to ``mailclad.testing.MailServer(hooks=…)``.
"""

from mailclad.base.tls_policy import TlsFacts
from mailclad.mail.address import Address
from mailclad.services.queue.hooks import AttemptMade
from mailclad.services.receive.guard import Client, MailFrom
from mailclad.services.receive.hooks import Defer, Hooks, Message, Refuse
from mailclad.store.model import Account
from mailclad.store.queue import Attempt, QueuedMessage

__all__ = [
    "Account",
    "Address",
    "Attempt",
    "AttemptMade",
    "Client",
    "Defer",
    "Hooks",
    "MailFrom",
    "Message",
    "QueuedMessage",
    "Refuse",
    "TlsFacts",
]
