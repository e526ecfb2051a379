"""[[listen]]: the ports, and what is spoken on each."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mailclad.app.settings.checks import wrong_networks
from mailclad.app.strict import Port, Strict, Wrong
from mailclad.base.tls_policy import Service, TlsMode

PUBLIC = ("0.0.0.0", "::")  # noqa: S104 - a mail server is there to be reached

MODES: Mapping[Service, tuple[TlsMode, ...]] = {
    Service.IMAP: (TlsMode.IMPLICIT, TlsMode.STARTTLS),
    Service.POP3: (TlsMode.IMPLICIT, TlsMode.STARTTLS),
    Service.SUBMISSION: (TlsMode.IMPLICIT, TlsMode.STARTTLS),
    Service.SMTP: (TlsMode.STARTTLS,),
    Service.LMTP: (TlsMode.NONE,),
    Service.HTTPS: (TlsMode.IMPLICIT,),
    Service.HTTP: (TlsMode.NONE,),
}
"""How each service may come to TLS.

LMTP stays on this machine and needs none; HTTP leads to HTTPS and answers ACME authorities.
"""


class ListenConfig(Strict, frozen=True, kw_only=True):
    """One port on some addresses, or, for LMTP, a Unix socket.

    ``proxy_from`` are load balancers, which say for whom they speak (PROXY protocol).  ``mail``:
    on a line for https, whether programs that ask for IMAP or submission there by ALPN get it.
    ``forgiving``: with STARTTLS, whether who begins with TLS at once is understood.
    """

    service: Service
    tls: TlsMode
    port: Port | None = None
    addresses: tuple[str, ...] = PUBLIC
    path: Path | None = None
    proxy_from: tuple[str, ...] = ()
    mail: bool = True
    forgiving: bool = False

    def wrong(self) -> Iterator[Wrong]:
        allowed = MODES[self.service]
        if self.tls not in allowed:
            text = f"“{self.tls}” is not possible for {self.service}; use: {' or '.join(allowed)}"
            yield ("tls",), text
        if (self.port is None) == (self.path is None):
            yield (), "needs a port, or (for lmtp) a path, and not both"
        yield from wrong_networks("proxy_from", self.proxy_from)
        if self.forgiving and (self.tls is not TlsMode.STARTTLS or self.service is Service.SMTP):
            yield ("forgiving",), "is for imap, pop3 and submission with starttls only"
        if not self.mail and self.service is not Service.HTTPS:
            yield ("mail",), "is for lines with https only"
        if self.path is not None and self.service is not Service.LMTP:
            yield ("path",), "only lmtp can listen on a path"
        if self.service is Service.LMTP and self.port and not is_local(self.addresses):
            text = (
                'lmtp takes mail from anyone who reaches it: use addresses = ["127.0.0.1", "::1"]'
            )
            yield ("addresses",), text


DEFAULT_LISTEN = (
    ListenConfig(service=Service.IMAP, tls=TlsMode.IMPLICIT, port=993),
    ListenConfig(service=Service.POP3, tls=TlsMode.IMPLICIT, port=995),
    ListenConfig(service=Service.SUBMISSION, tls=TlsMode.IMPLICIT, port=465),
    ListenConfig(service=Service.SUBMISSION, tls=TlsMode.STARTTLS, port=587),
    ListenConfig(service=Service.SMTP, tls=TlsMode.STARTTLS, port=25),
    ListenConfig(service=Service.HTTPS, tls=TlsMode.IMPLICIT, port=443),
    ListenConfig(service=Service.HTTP, tls=TlsMode.NONE, port=80),
)
"""143 and 110 are open only where a file lists them: Apple Mail tries passwords there."""


def listed_twice(lines: tuple[ListenConfig, ...]) -> Iterator[Wrong]:
    """Ports that two lines open on one address."""
    seen: set[tuple[str, int]] = set()
    for number, line in enumerate(lines):
        for address in line.addresses if line.port else ():
            place = (address, line.port or 0)
            if place in seen:
                yield (number, "port"), f"{address} port {line.port} is listed twice"
            seen.add(place)


def is_local(addresses: tuple[str, ...]) -> bool:
    """Whether only programs of this machine reach them."""
    return all(a.startswith("127.") or a == "::1" for a in addresses)
