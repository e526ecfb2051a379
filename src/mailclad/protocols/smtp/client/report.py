"""One connection to a mail server as a value: for the trace, for TLS-RPT, for who decides next."""

from dataclasses import dataclass

from mailclad.base.tls_policy import TlsFacts
from mailclad.mail.tls_verdict import TlsLevel, TlsVerdict
from mailclad.protocols.smtp.client.capabilities import Capabilities
from mailclad.protocols.smtp.client.outcome import MessageOutcome, Stage, Verdict


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """``problem`` is why it was of no use, or why it ended; None while it is in order.

    ``verdict`` is None where TLS was not tried.  ``capabilities`` are the last that were told.
    ``local`` is our address, "" where a proxy has it.
    """

    address: str
    port: int
    level: TlsLevel
    capabilities: Capabilities | None = None
    tls: TlsFacts | None = None
    verdict: TlsVerdict | None = None
    problem: Verdict | None = None
    local: str = ""

    @property
    def may_go_clear(self) -> bool:
        """Whether TLS failed that nothing demanded: the next try may do without."""
        failed = self.problem is not None and self.problem.stage is Stage.STARTTLS
        return self.level is TlsLevel.MAY and failed


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch on one connection: an outcome for each message, in order."""

    report: ConnectionReport
    outcomes: tuple[MessageOutcome, ...]
