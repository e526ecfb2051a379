"""What this package needs of the network, in its own words; ``app.build`` hands it in."""

from dataclasses import dataclass
from typing import Protocol

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.tls_verdict import TlsDemand
from mailclad.protocols.smtp.client.envelope import Envelope
from mailclad.protocols.smtp.client.login import Login
from mailclad.protocols.smtp.client.outcome import MessageOutcome
from mailclad.protocols.smtp.client.report import ConnectionReport


class Body(Protocol):
    """The octets of a message."""

    @property
    def octets(self) -> int: ...

    def read(self, start: int, octets: int) -> bytes: ...


class Connection(Protocol):
    """Open for messages, or its report says why it is not; closed by its owner in any case."""

    @property
    def report(self) -> ConnectionReport: ...

    @property
    def is_open(self) -> bool: ...

    async def send(self, envelope: Envelope, body: Body) -> MessageOutcome:
        """Raises only what ``body.read`` raises."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Target:
    """One address of a host; ``named`` by the administrator, so that it may be a private one."""

    host: str
    address: str
    port: int
    tls: TlsMode
    login: Login | None = None
    named: bool = False


class Connect(Protocol):
    async def __call__(self, target: Target, demand: TlsDemand) -> Connection:
        """Never raises."""
        ...
