"""Mail that leaves for other servers: the envelopes of a message, and what may not leave.

In come a message with all that was said of it, the reverse path for each of its recipients, and
terms; out come envelopes for the queue, one for each reverse path.  ``Return-Path`` stays here
(RFC 5321 §4.4), our Received field and all behind it leave.  What SMTP's DATA cannot carry is
refused while its sender is there to hear of it: bare CR and LF are read differently by others,
and would smuggle commands into their connections.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mailclad.base.octets import Octets
from mailclad.mail.address import normalise_domain
from mailclad.protocols.smtp.client.envelope import write_xtext
from mailclad.protocols.smtp.command import Notify as Wanted
from mailclad.protocols.smtp.command import Rcpt
from mailclad.protocols.smtp.data import LineEnds
from mailclad.services.queue.schedule import LIFETIME_SECONDS, WARN_SECONDS
from mailclad.services.receive.incoming import Given, Incoming
from mailclad.services.receive.refusal import CannotLeave
from mailclad.store.model import AccountId
from mailclad.store.queue import Deadline, Envelope, NewRecipient, Notify, Return

_LOOKED_AT_ONCE = 256 * 1024
_NOTIFY = {
    Wanted.NEVER: Notify.NEVER,
    Wanted.SUCCESS: Notify.SUCCESS,
    Wanted.FAILURE: Notify.FAILURE,
    Wanted.DELAY: Notify.DELAY,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """When a message is tried for the first time, and for the last."""

    expires: int
    warn_at: int
    not_before: int = 0
    priority: int = 0
    account: AccountId | None = None
    deadline: Deadline | None = None


def usual_terms(now: int) -> Terms:
    return Terms(now + LIFETIME_SECONDS, now + WARN_SECONDS)


def add_recipients(found: dict[str, NewRecipient], given: Given) -> None:
    """Those elsewhere whom an address leads to (RFC 3461 §5.2.7).

    Who is named twice is reached as the client said it first.  Of an alias for several the sender
    hears that it was sent on, and then only of trouble.
    """
    leads = given.leads
    wanted = Notify(0)
    for each in given.rcpt.notify or ():
        wanted |= _NOTIFY[each]
    if len(leads.boxes) + len(leads.elsewhere) > 1 and wanted & Notify.SUCCESS:
        wanted = wanted & ~Notify.SUCCESS or Notify.NEVER
    original = written_original(given.rcpt)
    for address in leads.elsewhere:
        text = str(address)
        if text not in found:
            destination = normalise_domain(address.domain)
            found[text] = NewRecipient(text, destination, wanted, original)


def written_original(rcpt: Rcpt) -> str | None:
    """ORCPT as it stood on the wire."""
    if rcpt.original is None:
        return None
    kind, _, address = rcpt.original.partition(";")
    return f"{kind};{write_xtext(address)}"


def make_envelopes(
    message: Incoming, reverse_paths: Mapping[str, Mapping[str, NewRecipient]], terms: Terms
) -> tuple[Envelope, ...]:
    """One for each reverse path, for its recipients by address; raises CannotLeave."""
    if not reverse_paths:
        return ()
    mail = message.mail
    eight_bit = _look_through(message.octets)
    return tuple(
        [
            Envelope(
                sender=reverse_path,
                recipients=tuple(recipients.values()),
                expires=terms.expires,
                warn_at=terms.warn_at,
                identity=message.identity,
                start=_stays(message),
                account=terms.account,
                envid=None if mail.envelope_id is None else write_xtext(mail.envelope_id),
                ret=None if mail.report is None else Return(mail.report.value),
                priority=terms.priority,
                not_before=terms.not_before,
                requiretls=mail.require_tls,
                smtputf8=mail.smtputf8,
                eight_bit=eight_bit,
                deadline=terms.deadline,
            )
            for reverse_path, recipients in reverse_paths.items()
        ]
    )


def _stays(message: Incoming) -> int:
    """The octets of Return-Path, which is our first field and one line."""
    return message.octets.find(b"\n", 0, message.start) + 1


def _look_through(octets: Octets) -> bool:
    """Whether there are octets over 127; raises CannotLeave."""
    ends = LineEnds()
    ascii_only = True
    for at in range(0, len(octets), _LOOKED_AT_ONCE):
        piece = octets[at : at + _LOOKED_AT_ONCE]
        ends.add(piece)
        if b"\0" in piece:
            raise CannotLeave
        ascii_only = ascii_only and piece.isascii()
    if not ends.are_well:
        raise CannotLeave
    return not ascii_only
