"""Guards asked about a message, one after the other, and what they said put together."""

from collections.abc import Sequence
from dataclasses import replace

from mailclad.services.receive.guard import Arrived, MailFrom, Opinion, Refused, Visit


async def consult(visits: Sequence[Visit], sender: MailFrom, message: Arrived) -> Opinion:
    """One opinion for all; raises Refused.

    Each guard sees the message as those before have left it; the first reason for Junk counts.
    A guard that is not asked any more is told that the transaction is over.
    """
    said = Opinion(recipients=message.recipients)
    for at, visit in enumerate(visits):
        try:
            opinion = await visit.message(sender, message)
        except Refused:
            for later in visits[at + 1 :]:
                later.reset()
            raise
        replaced = said.replaced if opinion.replaced is None else opinion.replaced
        recipients = said.recipients if opinion.recipients is None else opinion.recipients
        said = Opinion(
            fields=opinion.fields + said.fields,
            junk=said.junk or opinion.junk,
            discard=said.discard or opinion.discard or not recipients,
            replaced=replaced,
            recipients=recipients,
            mail=opinion.mail or said.mail,
        )
        octets, start = (message.octets, message.start) if replaced is None else (replaced, 0)
        message = Arrived(octets, start, recipients or (), said.fields)
        sender = replace(sender, mail=said.mail or sender.mail)
    return said
