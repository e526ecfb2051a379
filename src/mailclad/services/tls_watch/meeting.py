"""What a server saw of a handshake that failed, and which kind of failure that is.

Comes in: facts and texts of a stranger's, untrusted, cut here.  Goes out: a kind by which it is
told.  Pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailclad.base.tls_offer import TLS_1_2, Offer
from mailclad.base.tls_policy import Service
from mailclad.protocols.tls.client_hello import (
    ClientHello,
    FirstBytes,
    classify,
    read_client_hello,
)
from mailclad.store.tls_use import FailureKind

NAME_CHARACTERS = 253
"""Of a server's name: the longest that DNS has."""

TEXT_CHARACTERS = 120
"""Of any other text: OpenSSL's reasons have under sixty."""

DISTRUST_ALERTS = frozenset({42, 43, 44, 45, 46, 48, 49, 113})
"""What clients say when they do not take a certificate (RFC 8446 §6.2)."""

_MAIL_COMMAND = re.compile(
    rb"(?:EHLO|HELO|LHLO|STARTTLS|STLS|CAPA|USER|AUTH|QUIT|NOOP|MAIL"
    rb"|[!-~]{1,20} (?:CAPABILITY|LOGIN|STARTTLS|AUTHENTICATE|NOOP|ID|LOGOUT))\b",
    re.IGNORECASE,
)


_BY_ALERT: Mapping[int | None, FailureKind] = {
    40: FailureKind.NOTHING_SHARED,  # handshake_failure
    71: FailureKind.NOTHING_SHARED,  # insufficient_security
    120: FailureKind.OTHER_PROTOCOL,  # no_application_protocol
}
"""What we say (RFC 8446 §6.2, RFC 7301), and why that is."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A handshake that failed.  ``flight`` is what the client said, up to the handshake limit.

    ``certificate`` says which of ours it was shown; ``late``: time ran out; ``in_clear``: TLS was
    spoken where the conversation begins without it.
    """

    service: str
    port: int
    address: str
    flight: bytes
    sent_alert: int | None
    received_alert: int | None
    reason: str
    certificate: str = ""
    late: bool = False
    in_clear: bool = False

    @property
    def hello(self) -> ClientHello | None:
        found = read_client_hello(self.flight)
        return found if isinstance(found, ClientHello) else None


def kind_of(meeting: Meeting, offer: Offer | None) -> FailureKind:
    """Say what happened; ``offer`` is that of its ClientHello, if one was read."""
    began = classify(meeting.flight)
    if began is not FirstBytes.TLS:
        return _without_tls(meeting, began)
    if offer is None:
        return FailureKind.SLOW if meeting.late else FailureKind.GARBAGE
    if meeting.in_clear:
        return FailureKind.TLS_TOO_SOON
    if offer.highest < TLS_1_2:
        return FailureKind.OLD_VERSIONS
    return _among_equals(meeting)


def _without_tls(meeting: Meeting, began: FirstBytes) -> FailureKind:
    match began:
        case FirstBytes.NOTHING:
            waited = meeting.late and meeting.service != Service.HTTPS  # browsers connect ahead
            return FailureKind.WAITED if waited else FailureKind.TOUCHED
        case FirstBytes.SSL2:
            return FailureKind.OLD_VERSIONS
        case FirstBytes.HTTP:
            return FailureKind.HTTP
        case FirstBytes.TEXT if _MAIL_COMMAND.match(meeting.flight):
            return FailureKind.SPOKE_PLAIN
    return FailureKind.GARBAGE


def _among_equals(meeting: Meeting) -> FailureKind:
    """The client offers versions that we speak."""
    if meeting.received_alert in DISTRUST_ALERTS:
        return FailureKind.DISTRUST
    if (kind := _BY_ALERT.get(meeting.sent_alert)) is not None:
        return kind
    if meeting.late:
        return FailureKind.SLOW
    if meeting.certificate and meeting.received_alert is None and meeting.sent_alert is None:
        return FailureKind.LEFT
    return FailureKind.BROKEN


def cut_text(text: str, most: int = TEXT_CHARACTERS) -> str:
    """Without lone surrogates, which undecodable octets of a peer become."""
    return text[:most].encode("utf-8", "replace").decode("utf-8")


def decoded(octets: bytes, most: int = TEXT_CHARACTERS) -> str:
    return octets[:most].decode("utf-8", "replace")


def program_words(fields: Iterable[tuple[str, str | None]]) -> str:
    """What a program says of itself by IMAP's ID (RFC 2971): its name and version."""
    said = {name.lower(): value for name, value in fields if value}
    words = " ".join(value for key in ("name", "version") if (value := said.get(key)))
    return cut_text(words)
