"""The storage port's certificates: those that an ACME authority gave us, with their keys.

STAGED until it was proved on every port, LIVE while it is served, RETIRED when another took
its place, REFUSED where the proof failed and the one before went on.  Certificates of one series
and kind of key replace each other; there are several series where one cannot have all names.
Each verb is one transaction.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailclad.base.secret import Secret


class CertificateState(StrEnum):
    STAGED = "staged"
    LIVE = "live"
    RETIRED = "retired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """``id`` is 0 until it is kept.  ``chain_pem`` begins with the leaf; times are Unix seconds.

    ``note`` says for people what happened last: proved when, or refused why.
    """

    id: int
    names: tuple[str, ...]
    chain_pem: bytes
    key_pem: Secret
    kind: str
    authority: str
    not_before: int
    not_after: int
    state: CertificateState
    made_at: int
    note: str = ""
    series: int = 0


class KeptCertificates(Protocol):
    async def certificates(self) -> tuple[KeptCertificate, ...]:
        """All of them, the newest first."""
        ...

    async def stage_certificate(self, certificate: KeptCertificate) -> int:
        """Keep it as STAGED; one staged before in its place goes.  Returns its id."""
        ...

    async def settle_certificate(
        self, certificate: int, state: CertificateState, note: str
    ) -> None:
        """By id; LIVE retires the one that had its place.  Raises CertificateNotFound."""
        ...

    async def forget_certificates(self, ended_before: int) -> int:
        """Remove retired and refused ones that ended before then; how many."""
        ...
