"""Which TLS we speak, as data: versions, suites, ALPN names.

RFC 9325, RFC 7301, RFC 8314, RFC 8737.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailclad.base.tls_offer import Offer

CIPHERS_TLS12 = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""AEAD and forward secrecy only; TLS 1.3 has nothing else (RFC 9325 §4.2)."""


class Service(StrEnum):
    """What a listener speaks; also the word in a list of endpoints."""

    IMAP = "imap"
    POP3 = "pop3"
    SUBMISSION = "submission"
    SMTP = "smtp"
    LMTP = "lmtp"
    HTTPS = "https"
    HTTP = "http"


class TlsMode(StrEnum):
    """The two ways a port comes to TLS; NONE is for LMTP on this machine, and for HTTP."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


ALPN: Mapping[Service, tuple[bytes, ...]] = {
    Service.IMAP: (b"imap",),
    Service.POP3: (b"pop3",),
    Service.SUBMISSION: (b"smtp",),
    Service.SMTP: (),
    Service.LMTP: (),
    Service.HTTPS: (b"http/1.1",),
}
"""Names registered with IANA, and ``smtp``, which nobody has registered and programs use for
submission; a client that offers only others is refused (ALPACA, alert 120)."""

BY_ALPN: Mapping[bytes, Service] = {b"imap": Service.IMAP, b"smtp": Service.SUBMISSION}
"""What a client may ask for on the HTTPS port, too, where a network blocks the ports of mail."""

ACME_TLS = b"acme-tls/1"
"""RFC 8737 §4: an authority looks for the answer to its challenge; on the HTTPS port only."""


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What was agreed in a handshake.

    ``suite`` is IANA's name (``TLS_AES_256_GCM_SHA384``), ``group`` the key exchange's
    (``X25519MLKEM768``), ``exporter`` is ``tls-exporter`` of RFC 9266 (TLS 1.3 only) and
    ``end_point`` is ``tls-server-end-point`` of RFC 5929, each computed when asked for;
    ``offer`` is what the client offered, None where we are the client.
    """

    version: str
    suite: str
    group: str | None
    alpn: bytes | None
    server_name: str | None
    resumed: bool
    exporter: Callable[[], bytes | None]
    end_point: Callable[[], bytes]
    offer: Offer | None = None
