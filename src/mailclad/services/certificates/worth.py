"""What a certificate is worth to the programs that meet it, beyond that TLS can use it.

RFC 5280 §4.1.2.5 (dates), §4.2.1.3 (key usage), §4.2.1.12 (extended key usage).  Comes in: a leaf
or a chain that can be served, and the time.  Goes out: remarks for people, each with how many
programs refuse the certificate for it.  Nobody is refused here: mail that is late beats mail
that is refused.  But of two certificates for the same names the worse one has to wait.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailclad.services.certificates.chain import CertificateChain, KeyKind
from mailclad.services.certificates.choose import choose

T = TypeVar("T", bound=x509.ExtensionType)

SOON = timedelta(days=7)
"""How early the end of a certificate is told of; what renews by itself has done so long ago.
Of a life shorter than three weeks it is the last third."""


class Refusals(IntEnum):
    """How many programs refuse a certificate."""

    NONE = 0
    SOME = 1
    ALL = 2


@dataclass(frozen=True, slots=True)
class Remark:
    """What the administrator should know, and which programs refuse the certificate for it."""

    text: str
    refusals: Refusals = Refusals.NONE

    def __str__(self) -> str:
        return self.text


def worst(remarks: Iterable[Remark]) -> Refusals:
    return max((remark.refusals for remark in remarks), default=Refusals.NONE)


def date_remarks(chain: CertificateChain, now: datetime) -> tuple[Remark, ...]:
    begins, ends, source = chain.not_before, chain.not_after, chain.source
    if now < begins:
        text = f"{source} is valid only from {begins:%Y-%m-%d %H:%M} UTC: check the clock"
        return (Remark(text, Refusals.ALL),)
    if ends <= now:
        text = f"{source} ended on {ends:%Y-%m-%d %H:%M} UTC: programs refuse it; renew it"
        return (Remark(text, Refusals.ALL),)
    if ends <= now + min(SOON, (ends - begins) / 3):
        return (Remark(f"{source} ends on {ends:%Y-%m-%d %H:%M} UTC: renew it"),)
    return ()


def purpose_remarks(leaf: x509.Certificate, kind: KeyKind, source: str) -> tuple[Remark, ...]:
    """Whether it was issued for TLS servers."""
    remarks: list[Remark] = []
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    wanted = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and wanted.isdisjoint(purposes):
        text = (
            f"{source} was not issued for servers (extended key usage without serverAuth): "
            "programs refuse it; have it issued for a TLS server"
        )
        remarks.append(Remark(text, Refusals.ALL))
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        text = (
            f"{source} may not sign (key usage without digitalSignature), as every handshake "
            "of today does: programs refuse it; have it issued for a TLS server"
        )
        remarks.append(Remark(text, Refusals.ALL))
    if kind is KeyKind.ED25519:
        text = f"{source} has an Ed25519 key, which most programs do not know: use an EC key"
        remarks.append(Remark(text, Refusals.SOME))
    return tuple(remarks)


def lost_names(
    chain: CertificateChain, before: Iterable[str], needed: Iterable[str]
) -> tuple[Remark, ...]:
    """Needed names that the certificate in its place had, and this one has not."""
    had, has = dict.fromkeys(before, True), dict.fromkeys(chain.names, True)
    lost = [name for name in needed if choose(had, name) and not choose(has, name)]
    if not lost:
        return ()
    text = (
        f"{chain.source} no longer names {', '.join(lost)}: programs that connect there refuse "
        "it; have it issued for all names"
    )
    return (Remark(text, Refusals.ALL),)


def _extension(leaf: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return leaf.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
