"""A handshake that failed, kept as a value: for the log now, for a diagnosis later.

RFC 8446 §6 (alerts).  Holds at most the handshake limit of the peer's octets; they are
untrusted and only ever decoded, never echoed to the peer.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from mailclad.protocols.tls.client_hello import (
    ClientHello,
    FirstBytes,
    classify,
    read_client_hello,
)

ALERTS: Mapping[int, str] = MappingProxyType(
    {
        0: "close notify",
        10: "unexpected message",
        20: "bad record mac",
        22: "record overflow",
        40: "handshake failure",
        42: "bad certificate",
        43: "unsupported certificate",
        44: "certificate revoked",
        45: "certificate expired",
        46: "certificate unknown",
        47: "illegal parameter",
        48: "unknown ca",
        49: "access denied",
        50: "decode error",
        51: "decrypt error",
        70: "protocol version",
        71: "insufficient security",
        80: "internal error",
        86: "inappropriate fallback",
        90: "user canceled",
        100: "no renegotiation",
        109: "missing extension",
        110: "unsupported extension",
        112: "unrecognized name",
        113: "bad certificate status response",
        115: "unknown psk identity",
        116: "certificate required",
        120: "no application protocol",
    }
)
"""IANA's TLS Alerts registry, the entries still in use, spelt as TLS libraries print them."""

_NUMBERS = {name: number for number, name in ALERTS.items()}
_RECEIVED = re.compile(r"\balert ([a-z ]+)$")  # after “tls”, “tlsv1”, “sslv3” …


class CertificateUnusable(Exception):
    """A certificate or its key cannot be served; the text names its source and why."""


class StreamBroken(ConnectionError):
    """What the peer sent under TLS cannot be genuine, or ends the stream by an alert."""


class HandshakeFailed(Exception):
    """Why no TLS came about; the text is for the log, the fields are for a diagnosis.

    ``sent_alert`` is None also where the alert went out encrypted; ``certificate`` says which of
    ours the client has been shown, if any; ``late``: time ran out; ``in_clear``: TLS was spoken
    where the conversation begins without it.
    """

    def __init__(
        self,
        reason: str,
        flight: bytes = b"",
        sent_alert: int | None = None,
        received_alert: int | None = None,
        *,
        certificate: str = "",
        in_clear: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.flight = flight
        self.sent_alert = sent_alert
        self.received_alert = received_alert
        self.certificate = certificate
        self.late = False
        self.in_clear = in_clear

    @property
    def first_bytes(self) -> FirstBytes:
        """What the peer began with: HTTP and plain text on a TLS port are common mistakes."""
        return classify(self.flight)

    @property
    def hello(self) -> ClientHello | None:
        """What the client offered, if that much can be read."""
        hello = read_client_hello(self.flight)
        return hello if isinstance(hello, ClientHello) else None


def received_alert(reason: str) -> int | None:
    """Return the alert that a TLS library's reason text says the peer has sent."""
    found = _RECEIVED.search(reason)
    return _NUMBERS.get(found[1]) if found is not None else None
