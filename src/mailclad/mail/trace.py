"""Trace fields: where a message came from and by what way (RFC 5321 §4.4).

In come the facts of a connection and an envelope; out come ``Return-Path``, ``Delivered-To``
and ``Received``, as octets to be written before the message.  ``with`` takes its word from
RFC 3848 and RFC 6531 §4.3, ``tls`` and ``group`` are RFC 8314 §4.3's, ``for`` is left out where
a message has several recipients: none is told of the others (RFC 5321 §7.2).
What a client calls itself is shown as a domain only where it could be one; else in a comment,
stripped of everything that could end it.
"""

import re
from dataclasses import dataclass

from mailclad.base.tls_policy import TlsFacts
from mailclad.mail.address import Address, AddressProblem, check_domain
from mailclad.mail.date import format_date

_UNSAFE = re.compile(r"[^A-Za-z0-9.:_\-\[\]]")
_ATOM = re.compile(r"[A-Za-z][A-Za-z0-9_\-]*")
_COMMENT_OCTETS = 64


@dataclass(frozen=True, slots=True)
class Stamp:
    """The parts of ``Received`` that are the same for all messages of a connection."""

    source: bytes
    tls: bytes


def make_stamp(hello: str, peer: str, host_name: str, tls: TlsFacts | None) -> Stamp:
    """``hello`` is what the client called itself, ``peer`` its IP address or ""."""
    return Stamp(f"from {_source(hello, peer)}\r\n\tby {host_name} with ".encode(), _tls(tls))


def protocol_word(
    *, extended: bool, lmtp: bool, tls: bool, authenticated: bool, utf8: bool
) -> str:
    """The word behind ``with``."""
    if not extended:
        return "SMTP"
    ending = ("S" if tls else "") + ("A" if authenticated else "")
    if utf8:
        return ("UTF8LMTP" if lmtp else "UTF8SMTP") + ending
    return ("LMTP" if lmtp else "ESMTP") + ending


def write_trace(
    stamp: Stamp,
    protocol: str,
    identity: str,
    reverse_path: Address | None,
    recipient: Address | None,
    now: int,
    judged: bytes = b"",
) -> bytes:
    """The block before a message; ``recipient`` is None where there are several.

    ``judged`` are fields of our own about this message (RFC 8601 §5), which stand before Received.
    """
    sender = "" if reverse_path is None else str(reverse_path)
    tail = b"%b;\r\n\t%b\r\n" % (stamp.tls, format_date(now))
    way = f"{protocol} id {identity}".encode()
    if recipient is None:
        return b"Return-Path: <%b>\r\n%bReceived: %b%b%b" % (
            sender.encode(), judged, stamp.source, way, tail
        )  # fmt: skip
    given = str(recipient).encode()
    return b"Return-Path: <%b>\r\n%bDelivered-To: %b\r\nReceived: %b%b\r\n\tfor <%b>%b" % (
        sender.encode(), judged, given, stamp.source, way, given, tail
    )  # fmt: skip


def _source(hello: str, peer: str) -> str:
    literal = "" if not peer else f"[IPv6:{peer}]" if ":" in peer else f"[{peer}]"
    if _could_be_domain(hello):
        return f"{hello} ({literal})" if literal else hello
    shown = _UNSAFE.sub("?", hello)[:_COMMENT_OCTETS]
    return f"{literal or 'localhost'} (called {shown})"


def _could_be_domain(hello: str) -> bool:
    try:
        check_domain(hello)
    except AddressProblem:
        return False
    return hello.isascii()


def _tls(tls: TlsFacts | None) -> bytes:
    if tls is None or _ATOM.fullmatch(tls.suite) is None:
        return b""
    group = tls.group if tls.group is not None and _ATOM.fullmatch(tls.group) else None
    return f"\r\n\ttls {tls.suite}{f' group {group}' if group else ''}".encode()
