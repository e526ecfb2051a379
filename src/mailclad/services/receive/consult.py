"""Guards asked about a message, one after the other, and what they said put together."""

from collections.abc import Sequence
from dataclasses import replace

from mailclad.services.receive.guard import (
    NO_OPINION,
    Arrived,
    MailFrom,
    Opinion,
    Refused,
    Visit,
)


async def consult(visits: Sequence[Visit], sender: MailFrom, message: Arrived) -> Opinion:
    """One opinion for all; raises Refused, with what those before have said.

    Each guard sees the message as those before have left it; the first reason for Junk counts.
    A guard that is not asked any more is told that the transaction is over.
    """
    said = Opinion(recipients=message.recipients)
    for at, visit in enumerate(visits):
        try:
            more = await visit.message(sender, message)
        except Refused as problem:
            problem.opinion = _together(said, problem.opinion)
            _reset(visits[at + 1 :])
            raise
        if more is NO_OPINION:  # of most: putting it together costs 2 µs
            continue
        said = _together(said, more)
        if said.discard:
            _reset(visits[at + 1 :])
            break
        octets, start = message.octets, message.start
        if said.replaced is not None:
            octets, start = said.replaced, 0
        message = Arrived(octets, start, said.recipients or (), said.fields)
        sender = replace(sender, mail=said.mail or sender.mail)
    return said


def _together(said: Opinion, more: Opinion) -> Opinion:
    recipients = said.recipients if more.recipients is None else more.recipients
    return Opinion(
        fields=more.fields + said.fields,
        junk=said.junk or more.junk,
        discard=said.discard or more.discard or not recipients,
        replaced=said.replaced if more.replaced is None else more.replaced,
        recipients=recipients,
        mail=more.mail or said.mail,
    )


def _reset(visits: Sequence[Visit]) -> None:
    for visit in visits:
        visit.reset()
