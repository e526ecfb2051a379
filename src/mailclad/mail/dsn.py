"""Delivery status notifications: the notice of success, delay or failure (RFC 3461, RFC 3464).

In come the facts of an envelope and what became of its recipients, as plain values; out comes
a multipart/report (RFC 6522) of three parts: words for people, the same for programs, and the
header or the whole of the message.  Of an SMTPUTF8 message the parts are those of RFC 6533.
The notice is sent from ``<>``, and there is none about what came from ``<>``: ``wanted`` says so.
Trusts nothing that strangers said: answers, ORCPT and ENVID lose everything that could begin a
field or a line.  Time, boundary and Message-ID are the caller's.

Limits: ``RETURNED_OCTETS``, ``RETURNED_HEADER_OCTETS``, ``VALUE_LETTERS``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum

from mailclad.base.octets import Octets
from mailclad.mail.date import format_date
from mailclad.mail.headers import find_body

RETURNED_OCTETS = 256 * 1024
"""A larger message comes back as its header: its sender has it, and a notice should arrive."""

RETURNED_HEADER_OCTETS = 64 * 1024
"""More of a header is of no use to anybody; cut at the end of a line."""

VALUE_LETTERS = 1_000
"""Of a value from elsewhere; the queue keeps as much of an answer."""

_FOLD_AT = 76
_WORD_LETTERS = {True: 900, False: 225}  # ASCII or not: a line may have 998 octets
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_HEX_PAIR = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_NOT_QCHAR = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x5b\x5d-\x7e]")
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")


class Action(StrEnum):
    """RFC 3464 §2.3.3.

    RELAYED is handed to a server that sends no notices of success, EXPANDED to several people.
    """

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Asked(Enum):
    """NOTIFY of RFC 3461 §4.1, as much of it as one notice is about."""

    NOTHING_SAID = "nothing said"
    YES = "yes"
    NO = "no"


def wanted(sender: str, action: Action, asked: Asked) -> bool:
    """Whether this event of a recipient is told to the sender (RFC 3461 §5.2).

    ``asked`` is whether NOTIFY names the event.  Who said nothing hears of delay and failure.
    """
    if not sender:
        return False
    if asked is Asked.NOTHING_SAID:
        return action in (Action.FAILED, Action.DELAYED)
    return asked is Asked.YES


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a recipient.

    ``status`` is RFC 3463's code.  ``answer`` is what ``remote`` said, or without one what we
    found, "" if nothing; ``cause`` and ``remedy`` are sentences for the sender.  ``orcpt`` is
    still encoded.
    """

    address: str
    action: Action
    status: str
    cause: str
    remedy: str
    answer: str = ""
    remote: str = ""
    orcpt: str | None = None
    last_attempt: int | None = None
    retry_until: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """All that a notice says; ``sender`` is whom it goes to.  ``envid`` is still encoded.

    ``queue_id``: by what our administrator finds the message.
    """

    host_name: str
    sender: str
    arrived: int
    recipients: tuple[Reported, ...]
    now: int
    message_id: str
    boundary: str
    envid: str | None = None
    queue_id: str = ""
    deliver_by: int | None = None
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Composed:
    """The notice's octets, and what carrying them takes."""

    octets: bytes
    eight_bit: bool
    utf8: bool


def compose(notice: Notice, message: Octets, start: int, *, full: bool) -> Composed:
    """The notice about ``message``, of which the first ``start`` octets stay here.

    ``full``: RET said so.  Only a failure brings the whole message back (RFC 3461 §4.3).
    """
    returned, whole = _returned(notice, message, start, full)
    utf8 = notice.utf8 and not _is_seven_bit(notice, returned)
    boundary = notice.boundary
    while boundary.encode() in returned:
        boundary += "="
    parts = (
        _part("text/plain; charset=utf-8", _words(notice).encode()),
        _part(
            "message/global-delivery-status" if utf8 else "message/delivery-status",
            _machine_words(notice, utf8).encode(),
        ),
        _part(_RETURNED[whole, utf8], returned + b"\r\n"),
    )
    body = b"".join([b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts])
    body += b"--%b--\r\n" % boundary.encode()
    octets = _header(notice, boundary, _transfer(body)) + body
    return Composed(octets, not body.isascii(), utf8 or not notice.sender.isascii())


_RETURNED = {
    (True, True): "message/global",
    (True, False): "message/rfc822",
    (False, True): "message/global-headers",
    (False, False): "text/rfc822-headers",
}


def _is_seven_bit(notice: Notice, returned: bytes) -> bool:
    """Then RFC 6533 §4.4 lets it be said in the old types, which everybody takes."""
    return returned.isascii() and all(each.address.isascii() for each in notice.recipients)


def _transfer(octets: bytes) -> str:
    return "7bit" if octets.isascii() else "8bit"


def _part(kind: str, octets: bytes) -> bytes:
    header = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {_transfer(octets)}\r\n\r\n"
    return header.encode() + octets


# --- the header ------------------------------------------------------------------


_SUBJECTS = {
    Action.FAILED: "Your message could not be delivered",
    Action.DELAYED: "Your message is delayed: we keep trying",
    Action.DELIVERED: "Your message was delivered",
    Action.RELAYED: "Your message was handed on",
    Action.EXPANDED: "Your message was handed on",
}
_GRAVEST = (
    Action.FAILED, Action.DELAYED, Action.RELAYED, Action.EXPANDED, Action.DELIVERED,
)  # fmt: skip


def _gravest(notice: Notice) -> Action:
    actions = {each.action for each in notice.recipients}
    return next(action for action in _GRAVEST if action in actions)


def _header(notice: Notice, boundary: str, transfer: str) -> bytes:
    host = notice.host_name
    return (
        f"From: Mail delivery <postmaster@{host}>\r\n"
        f"To: <{_plain(notice.sender)}>\r\n"
        f"Subject: {_SUBJECTS[_gravest(notice)]}\r\n"
        f"Date: {format_date(notice.now).decode()}\r\n"
        f"Message-ID: <{notice.message_id}>\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        f'\tboundary="{boundary}"\r\n'
        f"Content-Transfer-Encoding: {transfer}\r\n"
        "\r\n"
    ).encode()


# --- for people ------------------------------------------------------------------


_OPENINGS = {
    Action.FAILED: "Your message did not reach everybody it was meant for, and nothing more"
    " will be tried for those named here.",
    Action.DELAYED: "Your message has not reached everybody yet.  You need not send it again:"
    " we go on trying.",
    Action.DELIVERED: "Your message was delivered, as you asked to be told.",
    Action.RELAYED: "Your message was handed to a mail server that does not confirm delivery."
    "  You will hear from it only if something goes wrong.",
    Action.EXPANDED: "Your message was handed on to several people, as you asked to be told."
    "  You will hear of it again only if something goes wrong.",
}


def _words(notice: Notice) -> str:
    opening = _OPENINGS[_gravest(notice)]
    arrived = format_date(notice.arrived).decode()
    lines = [*_wrapped(opening), "", f"It was accepted by {notice.host_name} on {arrived}."]
    for each in notice.recipients:
        lines += ["", f"<{_plain(each.address)}>", *_about(each)]
    return "\r\n".join(lines) + "\r\n"


def _about(each: Reported) -> list[str]:
    lines = [*_wrapped(each.cause, "  "), *_wrapped(each.remedy, "  ")]
    if each.retry_until is not None:
        lines.append(f"  We try until {format_date(each.retry_until).decode()}.")
    if each.answer:
        who = f"The server {_plain(each.remote)} said:" if each.remote else "This server found:"
        lines += [f"  {who}", *_wrapped(each.answer, "    ")]
    return lines


def _wrapped(text: str, indent: str = "") -> list[str]:
    """Lines of a decent length; a longer word stands alone, one of absurd length is cut."""
    lines: list[str] = []
    line = ""
    for word in _words_of(text):
        if line and len(indent) + len(line) + 1 + len(word) > _FOLD_AT:
            lines.append(indent + line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, indent + line] if line else lines


def _words_of(text: str) -> Iterator[str]:
    for word in _plain(text).split(" "):
        most = _WORD_LETTERS[word.isascii()]
        for at in range(0, len(word), most):
            yield word[at : at + most]


# --- for programs ----------------------------------------------------------------


def _machine_words(notice: Notice, utf8: bool) -> str:
    fields = [("Reporting-MTA", f"dns; {notice.host_name}")]
    if notice.envid is not None:
        fields.insert(0, ("Original-Envelope-Id", decode_xtext(notice.envid)))
    fields.append(("Arrival-Date", format_date(notice.arrived).decode()))
    if notice.deliver_by is not None:  # RFC 2852 §5
        fields.append(("Deliver-By-Date", format_date(notice.deliver_by).decode()))
    if notice.queue_id:
        fields.append(("X-Mailclad-Queue-ID", notice.queue_id))
    blocks = [fields, *(_per_recipient(each, utf8) for each in notice.recipients)]
    return "\r\n".join("".join(_field(*each, utf8) for each in block) for block in blocks)


def _per_recipient(each: Reported, utf8: bool) -> list[tuple[str, str]]:
    fields = []
    if each.orcpt is not None:
        fields.append(("Original-Recipient", _original_recipient(each.orcpt, utf8)))
    fields += [
        ("Final-Recipient", _typed_address(each.address, utf8)),
        ("Action", each.action.value),
        ("Status", each.status if _STATUS.fullmatch(each.status) else _unknown(each.action)),
    ]
    if each.remote:
        fields.append(("Remote-MTA", f"dns; {each.remote}"))
    if each.answer:
        kind = "smtp" if each.remote else "X-Mailclad"
        fields.append(("Diagnostic-Code", f"{kind}; {each.answer}"))
    if each.last_attempt is not None:
        fields.append(("Last-Attempt-Date", format_date(each.last_attempt).decode()))
    if each.retry_until is not None and each.action is Action.DELAYED:
        fields.append(("Will-Retry-Until", format_date(each.retry_until).decode()))
    return fields


def _unknown(action: Action) -> str:
    """RFC 3463 §3.1: undefined status."""
    return {Action.FAILED: "5.0.0", Action.DELAYED: "4.0.0"}.get(action, "2.0.0")


def _typed_address(address: str, utf8: bool) -> str:
    if address.isascii():
        return f"rfc822; {address}"
    return f"utf-8; {address if utf8 else encode_unitext(address)}"


def _original_recipient(orcpt: str, utf8: bool) -> str:
    """RFC 3461 §6.3 and RFC 6533 §3: decoded, as far as the part's own letters go."""
    kind, _, address = orcpt.partition(";")
    if kind.lower() == "utf-8":
        plain = decode_unitext(address)
        return f"utf-8; {plain if utf8 or plain.isascii() else encode_unitext(plain)}"
    return f"{kind}; {decode_xtext(address)}"


def _field(name: str, value: str, utf8: bool) -> str:
    value = _plain(value)
    if not utf8:
        value = _NOT_ASCII.sub("?", value)
    return "\r\n ".join(_wrapped(f"{name}: {value}")) + "\r\n"


def decode_xtext(text: str) -> str:
    """RFC 3461 §4: ``+3D`` is ``=``.  What it decodes to may hold anything."""
    return _HEX_PAIR.sub(lambda pair: chr(int(pair[1], 16)), text)


def decode_unitext(text: str) -> str:
    r"""RFC 6533 §3: ``\x{F6}`` is ``ö``; what is no character stays as it is."""

    def one(match: re.Match[str]) -> str:
        point = int(match[1], 16)
        return chr(point) if point <= 0x10FFFF else match[0]

    return _UNITEXT.sub(one, text)


def encode_unitext(text: str) -> str:
    """RFC 6533 §3 ``utf-8-addr-xtext``: ASCII only."""
    return _NOT_QCHAR.sub(lambda letter: f"\\x{{{ord(letter[0]):02X}}}", text)


def _plain(text: str) -> str:
    """On one line, without controls, and not endless."""
    return _CONTROL.sub(" ", text[:VALUE_LETTERS]).strip()


# --- what comes back -------------------------------------------------------------


def _returned(notice: Notice, message: Octets, start: int, full: bool) -> tuple[bytes, bool]:
    """The octets, and whether they are the whole message."""
    failed = any(each.action is Action.FAILED for each in notice.recipients)
    if full and failed and len(message) - start <= RETURNED_OCTETS:
        return message[start:], True
    header = message[start : start + RETURNED_HEADER_OCTETS]
    end = find_body(header)
    if end == len(header) == RETURNED_HEADER_OCTETS:
        end = header.rfind(b"\n") + 1
    # BDAT brings in bare line ends; a notice with them could not leave.
    return _LINE_END.sub(b"\r\n", header[:end].rstrip(b"\r\n")), False
