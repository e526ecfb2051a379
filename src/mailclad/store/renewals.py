"""The storage port's memory of renewals: attempts, renewal windows (RFC 9773 §4.2), next keys.

What is due follows from these and from the certificates alone (``services/certificates/plan``).
Times are Unix seconds; each verb is one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mailclad.base.secret import Secret

ATTEMPTS_KEPT = 50
"""Of one place (a series and kind of key): days of failures, years of success."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order: ``names`` were asked for, ``failed`` are those left out, with reasons.

    ``told`` is for people, "" of one that is under way or never ended; ``finding`` the catalogue's
    entry, "" where all went well; ``not_before`` when the authority wants to be asked again, 0
    where it did not say.
    """

    at: int
    series: int
    kind: str
    authority: str
    names: tuple[str, ...]
    issued: bool
    told: str
    failed: Mapping[str, str] = field(default_factory=dict)
    finding: str = ""
    not_before: int = 0


@dataclass(frozen=True, slots=True)
class KeptWindow:
    """When to replace a certificate; without ``starts`` the authority gave no answer."""

    certificate: int
    starts: int | None
    ends: int | None
    ask_again: int
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class NextKey:
    """The key that certificates of this kind get once its TLSA record has been seen for long.

    ``shown_since``: since when every name server shows the record, None while not all do.
    """

    kind: str
    pem: Secret
    made_at: int
    shown_since: int | None = None
    ttl: int = 0


class Renewals(Protocol):
    async def attempts(self) -> tuple[Attempt, ...]:
        """The newest first."""
        ...

    async def note_attempt(self, attempt: Attempt, begun: int = 0) -> int:
        """Keep it, in the place of the one that was noted as ``begun``; returns its id.

        Older ones than the last 50 of its place go.
        """
        ...

    async def renewal_windows(self) -> tuple[KeptWindow, ...]: ...

    async def keep_renewal_window(self, window: KeptWindow) -> None:
        """In the place of what was known; raises CertificateNotFound."""
        ...

    async def next_keys(self) -> tuple[NextKey, ...]: ...

    async def keep_next_key(self, key: NextKey) -> None:
        """In the place of the one of its kind."""
        ...
