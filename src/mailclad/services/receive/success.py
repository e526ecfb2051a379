"""The notice that a message has arrived here, for senders who asked for it (RFC 3461 §5.2.3).

In comes a message that is kept, with what the client said of each recipient; out comes the notice
as a message to its sender, or None.  An address that leads elsewhere as well is told as expanded
(§5.2.7.3); one that leads to a single place elsewhere is not told of here: who delivers it does.
"""

from mailclad.mail.address import Address
from mailclad.mail.dsn import Action, Composed, Notice, Reported, compose
from mailclad.protocols.smtp.client.envelope import write_xtext
from mailclad.protocols.smtp.command import Notify
from mailclad.services.receive.incoming import Given, Incoming
from mailclad.services.receive.leaving import written_original

_CAUSE = {
    Action.DELIVERED: "The message lies in the mailbox.",
    Action.EXPANDED: "The address stands for several; the message went on to all of them.",
}


def write_success(message: Incoming, sender: Address, host_name: str, now: int) -> Composed | None:
    """Its name is made of the message's, which no other has."""
    reported = tuple([_reported(one, now) for one in message.recipients if _arrived(one)])
    if not reported:
        return None
    envelope_id = message.mail.envelope_id
    notice = Notice(
        host_name=host_name,
        sender=str(sender),
        arrived=now,
        recipients=reported,
        now=now,
        message_id=f"{message.identity}.arrived@{host_name}",
        boundary=f"report-{message.identity}",
        envid=None if envelope_id is None else write_xtext(envelope_id),
        utf8=message.mail.smtputf8,
    )
    return compose(notice, message.octets, message.start, full=False)


def _arrived(given: Given) -> bool:
    leads = given.leads
    final = bool(leads.boxes) or len(leads.elsewhere) > 1
    return final and Notify.SUCCESS in (given.rcpt.notify or ())


def _reported(given: Given, now: int) -> Reported:
    action = Action.EXPANDED if given.leads.elsewhere else Action.DELIVERED
    return Reported(
        address=str(given.address),
        action=action,
        status="2.1.5",
        cause=_CAUSE[action],
        remedy="",
        orcpt=written_original(given.rcpt),
        last_attempt=now,
    )
