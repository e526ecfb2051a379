"""A queued message as it is said to another server: envelope, octets, and what it asks for.

RFC 3461 §5.2.1 (what is passed on), RFC 8689 §5 (``TLS-Required``).  Comes in: what the queue
holds.  Goes out: the client engine's values.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailclad.mail.address import Address, AddressProblem, parse_address
from mailclad.mail.headers import find_body
from mailclad.protocols.smtp import command
from mailclad.protocols.smtp.client.envelope import Envelope
from mailclad.protocols.smtp.command import DeliverBy, Mail, Rcpt
from mailclad.protocols.smtp.parameters import SyntaxProblem, decode_xtext
from mailclad.services.deliver.connect import Body
from mailclad.services.deliver.demand import Wish
from mailclad.store.queue import Notify, QueuedMessage, QueuedRecipient, Return

HEADER_OCTETS = 64 * 1024
"""Where ``TLS-Required`` is looked for; senders write it among the first fields."""

_TLS_REQUIRED = re.compile(
    rb"^tls-required[ \t]*:[ \t]*no[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_TLS_REPORT = re.compile(rb"^tls-report-domain[ \t]*:", re.IGNORECASE | re.MULTILINE)
_RETURN = {Return.FULL: command.Return.FULL, Return.HEADERS: command.Return.HEADERS}


@dataclass(frozen=True, slots=True)
class Carried:
    """The octets of a queued message without those that stay here."""

    stored: Body
    start: int
    octets: int

    def read(self, start: int, octets: int) -> bytes:
        return self.stored.read(self.start + start, min(octets, self.octets - start))


class _NothingLeft:
    octets = 0

    def read(self, start: int, octets: int) -> bytes:
        return b""


NOTHING_LEFT: Body = _NothingLeft()
"""Of a message that is damaged."""


def wish_of(message: QueuedMessage, body: Body) -> Wish:
    """A notice with REQUIRETLS is sent whatever the server offers (RFC 8689 §5)."""
    if message.requiretls:
        return Wish.REQUIRED if message.sender else Wish.USUAL
    header = body.read(0, HEADER_OCTETS)
    found = _TLS_REQUIRED.search(header)
    if found is None or found.start() >= find_body(header):
        return Wish.USUAL
    report = _TLS_REPORT.search(header, 0, find_body(header))
    return Wish.OPTIONAL if report is None else Wish.REPORT


def envelope_of(
    message: QueuedMessage, recipients: Iterable[QueuedRecipient], now: int, *, require_tls: bool
) -> Envelope:
    """Raises AddressProblem, which no address that was accepted does."""
    mail = mail_of(message, now)
    return Envelope(mail, tuple([rcpt_of(one) for one in recipients]), require_tls)


def mail_of(message: QueuedMessage, now: int) -> Mail:
    """RFC 2852 §4.1.4: what is left of the time goes with it."""
    by = None
    if message.deadline is not None:
        by = DeliverBy(message.deadline.at - now, message.deadline.gives_up)
    return Mail(
        reverse_path=parse_address(message.sender) if message.sender else None,
        octets=message.octets,
        body=command.Body.EIGHT_BIT if message.eight_bit else command.Body.SEVEN_BIT,
        smtputf8=message.smtputf8,
        report=_RETURN[message.ret] if message.ret is not None else None,
        envelope_id=_decoded(message.envid),
        require_tls=message.requiretls,
        by=by,
        priority=message.priority,
    )


def address_of(text: str) -> Address | None:
    try:
        return parse_address(text)
    except AddressProblem:
        return None


def rcpt_of(recipient: QueuedRecipient) -> Rcpt:
    asked = recipient.notify
    notify = [command.Notify[str(one.name)] for one in Notify if one in asked] if asked else None
    kind, found, original = (recipient.orcpt or "").partition(";")
    decoded = _decoded(original) if found else None
    return Rcpt(
        parse_address(recipient.address),
        frozenset(notify) if notify else None,
        f"{kind};{decoded}" if decoded is not None else None,
    )


def _decoded(xtext: str | None) -> str | None:
    """None, too, where it cannot be read: it is left out, mail goes without it."""
    try:
        return decode_xtext(xtext) if xtext is not None else None
    except SyntaxProblem:
        return None
