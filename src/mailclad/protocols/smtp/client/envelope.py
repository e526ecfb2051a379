"""MAIL and RCPT as a client writes them, and what forbids to write them at all.

RFC 5321 §4.1.1.2, §4.1.1.3, RFC 1870 §3, RFC 6152 §3, RFC 6531 §3.4, RFC 3461 §4, RFC 8689 §4.2,
RFC 2852 §4.1.4, RFC 6710 §4.2.
The inverse of :mod:`mailclad.protocols.smtp.grammar`.  Only addresses that the grammar reads back
are written, whatever the value holds, so nobody's address can carry a command.
"""

from dataclasses import dataclass

from mailclad.mail.address import Address, AddressProblem, normalise_domain, parse_address
from mailclad.protocols.smtp.client.capabilities import Capabilities
from mailclad.protocols.smtp.client.outcome import Unsendable
from mailclad.protocols.smtp.command import Body, Mail, Notify, Rcpt

MAX_BY_SECONDS = 999_999_999
"""RFC 2852 §4: nine digits."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What goes out for one message.

    ``mail.smtputf8`` says that the header has UTF-8; addresses are looked at here.
    ``mail.submitter`` is not passed on.  ``require_tls`` is REQUIRETLS of RFC 8689: whether the
    server was authenticated is the shell's to know.
    """

    mail: Mail
    recipients: tuple[Rcpt, ...]
    require_tls: bool = False


def unsendable(envelope: Envelope, can: Capabilities, *, encrypted: bool) -> Unsendable | None:
    """What this server lacks for this message."""
    mail = envelope.mail
    if envelope.require_tls and not (encrypted and "REQUIRETLS" in can):
        return Unsendable.REQUIRETLS
    by = mail.by
    if by is not None and by.give_up and ("DELIVERBY" not in can or by.seconds < can.least_by):
        return Unsendable.DELIVER_BY
    if mail.body is Body.BINARY:
        return Unsendable.BINARY
    if mail.body is Body.EIGHT_BIT and "8BITMIME" not in can:
        return Unsendable.EIGHT_BIT
    if 0 < can.size < (mail.octets or 0):
        return Unsendable.TOO_LARGE
    sender = mail.reverse_path
    if "SMTPUTF8" not in can and (mail.smtputf8 or not is_plain(sender)):
        return Unsendable.SMTPUTF8
    if sender is not None and written(sender, utf8="SMTPUTF8" in can) is None:
        return Unsendable.SENDER
    return None


def is_plain(address: Address | None) -> bool:
    """Whether an address can be written without SMTPUTF8, its domain perhaps as A-labels."""
    return address is None or address.local_part.isascii()


def needs_utf8(envelope: Envelope, can: Capabilities) -> bool:
    """Whether MAIL says SMTPUTF8."""
    if "SMTPUTF8" not in can:
        return False
    mail = envelope.mail
    return (
        mail.smtputf8
        or not is_plain(mail.reverse_path)
        or any(not is_plain(one.forward_path) for one in envelope.recipients)
    )


def loses_deadline(envelope: Envelope, can: Capabilities) -> bool:
    """Whether nobody behind this server knows by when it should be delivered."""
    return envelope.mail.by is not None and "DELIVERBY" not in can


def mail_line(envelope: Envelope, can: Capabilities) -> bytes:
    mail = envelope.mail
    utf8 = needs_utf8(envelope, can)
    path = written(mail.reverse_path, utf8=utf8) if mail.reverse_path is not None else ""
    assert path is not None, "unsendable() has looked"
    line = f"MAIL FROM:<{path}>"
    if "SIZE" in can and mail.octets is not None:
        line += f" SIZE={mail.octets}"
    if mail.body is Body.EIGHT_BIT:
        line += " BODY=8BITMIME"
    if utf8:
        line += " SMTPUTF8"
    if envelope.require_tls:
        line += " REQUIRETLS"
    line += _urgency(mail, can)
    if "DSN" in can and mail.report is not None:
        line += f" RET={mail.report}"
    if "DSN" in can and mail.envelope_id is not None:
        line += f" ENVID={write_xtext(mail.envelope_id)}"
    return line.encode() + b"\r\n"


def _urgency(mail: Mail, can: Capabilities) -> str:
    """BY and MT-PRIORITY."""
    text = ""
    if "DELIVERBY" in can and mail.by is not None:
        seconds = max(-MAX_BY_SECONDS, min(mail.by.seconds, MAX_BY_SECONDS))
        text += f" BY={seconds};{'R' if mail.by.give_up else 'N'}"
    if "MT-PRIORITY" in can:
        text += f" MT-PRIORITY={mail.priority}"
    return text


def rcpt_line(
    rcpt: Rcpt, can: Capabilities, *, utf8: bool, loses_deadline: bool = False
) -> bytes | None:
    """None where the address cannot be written."""
    path = written(rcpt.forward_path, utf8=utf8)
    if path is None:
        return None
    line = f"RCPT TO:<{path}>"
    notify = _with_delay(rcpt.notify) if loses_deadline else rcpt.notify
    if "DSN" in can and notify is not None:
        line += f" NOTIFY={','.join(sorted(notify))}"
    if "DSN" in can and rcpt.original is not None:
        kind, _, original = rcpt.original.partition(";")
        line += f" ORCPT={write_xtext(kind)};{write_xtext(original)}"
    return line.encode() + b"\r\n"


def _with_delay(notify: frozenset[Notify] | None) -> frozenset[Notify]:
    """RFC 2852 §4.1.4.2: that it is late should at least be told."""
    if notify is None:
        return frozenset({Notify.FAILURE, Notify.DELAY})
    return notify if Notify.NEVER in notify else notify | {Notify.DELAY}


def written(address: Address, *, utf8: bool) -> str | None:
    """The address as it stands between the brackets, or None where the grammar refuses it."""
    if not address.domain:
        return "Postmaster" if address.local_part.lower() == "postmaster" else None
    try:
        if not utf8 and not address.domain.isascii():
            address = Address(address.local_part, normalise_domain(address.domain))
        text = str(address)
        parsed = parse_address(text)
    except (AddressProblem, UnicodeEncodeError):
        return None
    fits = parsed == address and text.isprintable() and (utf8 or text.isascii())
    return text if fits else None


def write_xtext(text: str) -> str:
    """RFC 3461 §4; what is not ASCII goes as the octets of its UTF-8."""
    return "".join(
        chr(octet) if 0x21 <= octet <= 0x7E and octet not in b"+=" else f"+{octet:02X}"
        for octet in text.encode(errors="replace")
    )
