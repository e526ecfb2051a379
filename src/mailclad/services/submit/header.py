"""What is checked and put right in the header of a submitted message (RFC 6409 §6, §8).

In comes the header as the mail program wrote it; out come the addresses in From, or a header
with what RFC 5322 §3.6 demands: Date, From and Message-ID are added where they are missing,
Bcc is taken out (RFC 5322 §3.6.3: it is for the sender's own copy), and so are results of checks
that only this server writes (RFC 8601 §5).  Nothing else is touched.
A header beyond the limits of ``mail.headers`` is refused: its From could stand where nobody looks.
"""

from mailclad.mail.address import Address, AddressProblem, parse_address
from mailclad.mail.address_list import parse_address_list
from mailclad.mail.authentication_results import strip_own
from mailclad.mail.date import format_date
from mailclad.mail.dmarc.author import AuthorFault, find_author
from mailclad.mail.headers import (
    MAX_FIELDS,
    MAX_HEADER_OCTETS,
    Field,
    find_body,
    has_bare_cr,
    select_fields,
    split_fields,
)
from mailclad.services.submit.refusal import AuthorUnclear, HeaderTooLong

_BLIND = frozenset({b"bcc", b"resent-bcc"})


class SubmittedHeader:
    """A message's header; ``body_start`` is where the body begins in what was given."""

    __slots__ = ("_fields", "_names", "_octets", "body_start")

    def __init__(self, message: bytes) -> None:
        """``message`` is its first MAX_HEADER_OCTETS; raises HeaderTooLong."""
        self.body_start = find_body(message)
        self._octets = message[: self.body_start]
        self._fields: list[Field] = split_fields(self._octets, MAX_FIELDS + 1)
        if self.body_start >= MAX_HEADER_OCTETS or len(self._fields) > MAX_FIELDS:
            raise HeaderTooLong
        self._names = frozenset([name.lower() for _, name, _ in self._fields])

    def authors(self) -> list[Address]:
        """The addresses in From, none where the field is missing; raises AuthorUnclear."""
        values = [value for _, name, value in self._fields if name.lower() == b"from"]
        fault = find_author(self._fields).fault
        if fault not in (None, AuthorFault.NO_FROM) or has_bare_cr(self._octets):
            raise AuthorUnclear
        listed = parse_address_list(values[0]) if values else []
        try:
            authors = [
                parse_address(
                    str(Address((each.local_part or b"").decode(), each.domain.decode()))
                )
                for each in listed
                if each.domain is not None
            ]
        except (AddressProblem, UnicodeDecodeError):
            raise AuthorUnclear from None
        return authors

    def repaired(self, sender: str, identity: str, host_name: str, now: int) -> bytes | None:
        """The header with what was missing and without what is nobody's business.

        None where nothing is to be changed.
        """
        added = b""
        if b"date" not in self._names:
            added += b"Date: %b\r\n" % format_date(now)
        if b"from" not in self._names:
            added += f"From: <{sender}>\r\n".encode()
        if b"message-id" not in self._names:
            added += f"Message-ID: <{identity}@{host_name}>\r\n".encode()
        header = self._octets
        if b"authentication-results" in self._names:
            header = strip_own(header, (host_name,))
        if not self._names.isdisjoint(_BLIND):
            header = select_fields(header, _BLIND, invert=True) + b"\r\n"
        elif not added and len(header) == len(self._octets):
            return None
        elif not self._fields and not header:
            header = b"\r\n"  # the message was text without any header
        return added + header
