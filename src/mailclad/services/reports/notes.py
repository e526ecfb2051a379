"""What goes into the daily reports, told by whoever saw it (RFC 8460, RFC 7489 §7.2).

Counting must not slow mail: a note is a few dictionary steps, and is written down later.
"""

from typing import Protocol

from mailclad.mail.dmarc.report import PolicyShown, Row
from mailclad.mail.tls_rpt import Failure, PolicySummary


class Notes(Protocol):
    def tls_session(self, at: int, policy: PolicySummary, failure: Failure | None) -> None:
        """One try to come to TLS under a policy; the counts in ``policy`` are not looked at."""
        ...

    def dmarc_verdict(self, at: int, policy: PolicyShown, row: Row) -> None:
        """One message judged by its author's policy; ``row.count`` is 1."""
        ...


class NoNotes:
    """Where no reports are sent."""

    def tls_session(self, at: int, policy: PolicySummary, failure: Failure | None) -> None:
        """Nothing is kept."""

    def dmarc_verdict(self, at: int, policy: PolicyShown, row: Row) -> None:
        """Nothing is kept."""
