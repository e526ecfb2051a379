"""The first flight of a TLS client, read before TLS does: which name, which ALPN, which versions.

RFC 8446 §4.1.2, §5.1; RFC 5246 §7.4.1.2; RFC 6066 §3 (server name); RFC 7301 (ALPN).

Comes in: the first octets of a connection, untrusted, whole or in part, in one record or many.
Goes out: a ClientHello, or how many octets are needed before looking again, or what else it
was.  Never raises.  It judges the frame only, TLS itself refuses what is wrong inside; an
extension that cannot be read counts as absent.  Time is linear in the octets, for at most
MAX_RECORDS records.
"""

import re
import struct
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from mailclad.base.tls_offer import Offer, make_offer

MAX_HELLO_OCTETS = 16 * 1024
"""A ClientHello with post-quantum keys and tickets has 2 to 4 KB; OpenSSL takes 131,396."""

MAX_RECORDS = 64
"""Some clients cut the hello in two to a dozen records against middleboxes; no more is needed."""

HELLOS_REMEMBERED = 256
"""Whose offer is not read again: most programs say the same each time.  At most 4 MB."""

_HANDSHAKE, _ALERT = 22, 21
_CLIENT_HELLO = 1
_SERVER_NAME, _GROUPS, _SIGNATURES, _ALPN, _TICKET, _PSK, _VERSIONS = 0, 10, 13, 16, 35, 41, 43

_EXTENSION = struct.Struct(">HH")  # its kind, the octets that follow

_HTTP = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH|PRI) [!-~]")
_TEXT = re.compile(rb"[\t\r\n -~]+")


class FirstBytes(StrEnum):
    """What a connection began with."""

    NOTHING = "nothing"
    TLS = "TLS"
    TLS_ALERT = "a TLS alert"
    SSL2 = "an SSL 2.0 greeting"
    HTTP = "an HTTP request without TLS"
    TEXT = "plain text without TLS"
    OTHER = "unknown octets"


@dataclass(frozen=True, slots=True)
class NeedMore:
    """Look again when the flight holds this many octets."""

    octets: int


@dataclass(frozen=True, slots=True)
class NotClientHello:
    """It cannot become a ClientHello any more."""

    found: FirstBytes
    reason: str


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What the client offers, in its order; the properties decode when asked."""

    legacy_version: int
    session_id: bytes
    suites_field: bytes
    extensions: dict[int, bytes]

    @property
    def server_name(self) -> bytes | None:
        """The host name as sent; not checked, not normalised."""
        names = _vector(self.extensions.get(_SERVER_NAME, b""), 2)
        if len(names) < 3 or names[0] != 0:
            return None
        return _vector(names[1:], 2) or None

    @property
    def alpn(self) -> tuple[bytes, ...]:
        rest = _vector(self.extensions.get(_ALPN, b""), 2)
        names = []
        while rest:
            name = rest[1 : 1 + rest[0]]
            if not name:
                return ()
            names.append(name)
            rest = rest[1 + rest[0] :]
        return tuple(names)

    @property
    def versions(self) -> tuple[int, ...]:
        """Code points such as 0x0304; without the extension, the one legacy version."""
        offered = _numbers(_vector(self.extensions.get(_VERSIONS, b""), 1))
        return offered or (self.legacy_version,)

    @property
    def suites(self) -> tuple[int, ...]:
        return _numbers(self.suites_field)

    @property
    def groups(self) -> tuple[int, ...]:
        return _numbers(_vector(self.extensions.get(_GROUPS, b""), 2))

    @property
    def signature_algorithms(self) -> tuple[int, ...]:
        return _numbers(_vector(self.extensions.get(_SIGNATURES, b""), 2))

    @property
    def offer(self) -> Offer:
        """The shape of it, by which the same program is known again."""
        sent = self.extensions
        return _offer(
            self.legacy_version,
            self.suites_field,
            tuple(sent),
            sent.get(_VERSIONS, b""),
            sent.get(_GROUPS, b""),
            sent.get(_SIGNATURES, b""),
        )

    @property
    def offers_resumption(self) -> bool:
        return bool(_PSK in self.extensions or self.extensions.get(_TICKET))


@lru_cache(HELLOS_REMEMBERED)
def _offer(
    legacy_version: int,
    suites: bytes,
    kinds: tuple[int, ...],
    versions: bytes,
    groups: bytes,
    signatures: bytes,
) -> Offer:
    return make_offer(
        legacy_version,
        _numbers(_vector(versions, 1)) or (legacy_version,),
        _numbers(suites),
        kinds,
        _numbers(_vector(groups, 2)),
        _numbers(_vector(signatures, 2)),
    )


def classify(flight: bytes) -> FirstBytes:
    """Say what the first octets look like."""
    if not flight:
        return FirstBytes.NOTHING
    if flight[0] == _HANDSHAKE and flight[1:2] in {b"", b"\x03"}:
        return FirstBytes.TLS
    if flight[0] == _ALERT and flight[1:2] == b"\x03":
        return FirstBytes.TLS_ALERT
    if flight[0] & 0x80 and flight[2:3] == b"\x01":
        return FirstBytes.SSL2
    if _HTTP.match(flight) is not None:
        return FirstBytes.HTTP
    if _TEXT.fullmatch(flight[:64]) is not None:
        return FirstBytes.TEXT
    return FirstBytes.OTHER


def read_client_hello(flight: bytes) -> ClientHello | NeedMore | NotClientHello:
    """Read a ClientHello from the first octets of a connection."""
    message, position = b"", 0
    for _ in range(MAX_RECORDS):
        fragment = _fragment(flight, position)
        if not isinstance(fragment, bytes):
            return fragment
        message += fragment
        position += 5 + len(fragment)
        wanted = 4 + int.from_bytes(message[1:4], "big")
        if wanted > MAX_HELLO_OCTETS:
            return _TOO_LONG
        if len(message) >= 4 and len(message) >= wanted:
            return _read_body(message[4:wanted])
    return _TOO_MANY


_TOO_LONG = NotClientHello(FirstBytes.TLS, f"a ClientHello of more than {MAX_HELLO_OCTETS} octets")
_TOO_MANY = NotClientHello(FirstBytes.TLS, f"a ClientHello in more than {MAX_RECORDS} records")
_CUT = NotClientHello(FirstBytes.TLS, "a ClientHello whose lengths do not agree")


def _fragment(flight: bytes, position: int) -> bytes | NeedMore | NotClientHello:
    """Return what the record at this place holds, once it is there whole."""
    header = flight[position : position + 6]
    if header and (problem := _wrong_header(header, is_first=position == 0)):
        return NotClientHello(classify(flight), problem)
    if len(header) < 6:
        return NeedMore(position + 6)
    end = position + 5 + int.from_bytes(header[3:5], "big")
    if end > MAX_HELLO_OCTETS:
        return _TOO_LONG
    return flight[position + 5 : end] if len(flight) >= end else NeedMore(end)


def _wrong_header(header: bytes, *, is_first: bool) -> str | None:
    """Judge as much of a record header, and of the message's first octet, as is there."""
    if header[0] != _HANDSHAKE or header[1:2] not in {b"", b"\x03"}:
        return "not a TLS handshake"
    if header[3:5] == b"\0\0":
        return "an empty handshake record"
    if is_first and header[5:6] not in {b"", bytes((_CLIENT_HELLO,))}:
        return "a handshake that does not begin with a ClientHello"
    return None


def _read_body(body: bytes) -> ClientHello | NotClientHello:
    session_at = 35
    suites_at = session_at + (body[34] if len(body) > 34 else 0)
    session_id = body[session_at:suites_at]
    suites = _vector(body[suites_at:], 2)
    compression_at = suites_at + 2 + len(suites)
    compression = _vector(body[compression_at:], 1)
    extensions_at = compression_at + 1 + len(compression)
    if not suites or not compression:
        return _CUT
    extensions: dict[int, bytes] = {}
    if len(body) > extensions_at:
        at, end = extensions_at + 2, len(body)
        if int.from_bytes(body[extensions_at:at], "big") != end - at:
            return _CUT
        while at < end:
            if end - at < 4:
                return _CUT
            kind, size = _EXTENSION.unpack_from(body, at)
            at += 4 + size
            if at > end:
                return _CUT
            extensions.setdefault(kind, body[at - size : at])
    return ClientHello(int.from_bytes(body[:2], "big"), session_id, suites, extensions)


def _vector(field: bytes, width: int) -> bytes:
    """Return what a vector with a length of ``width`` octets holds; b"" if it is cut."""
    size = int.from_bytes(field[:width], "big")
    content = field[width : width + size]
    return content if len(content) == size and len(field) >= width else b""


def _numbers(field: bytes) -> tuple[int, ...]:
    if len(field) % 2:
        return ()
    return tuple(int.from_bytes(field[at : at + 2], "big") for at in range(0, len(field), 2))
