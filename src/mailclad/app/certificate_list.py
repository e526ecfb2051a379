"""All certificates that an installation has, from wherever: for the command line and the doctor.

Comes in: configuration, store, what the server last wrote of itself.  Goes out: values.  Nothing
is asked of the network; files that cannot be read are left out, the server tells of them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mailclad.app.certificate_state import ServedCertificate, read_state
from mailclad.app.config import Config
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.plan import Alarm, Due, alarm, due, kept_of, life_left
from mailclad.store.certificates import CertificateState
from mailclad.store.interface import Store
from mailclad.store.renewals import Attempt


@dataclass(frozen=True, slots=True)
class Listed:
    """One certificate; ``chain_pem`` is empty where only the server knows it.

    ``id`` is the store's, 0 elsewhere.  ``served`` is None where it is not.  ``next_order`` and
    ``last`` are of what is renewed by ACME.
    """

    source: str
    names: tuple[str, ...]
    kind: str
    fingerprint: str
    not_before: int
    not_after: int
    chain_pem: bytes = b""
    id: int = 0
    state: CertificateState | None = None
    note: str = ""
    served: ServedCertificate | None = None
    next_order: Due | None = None
    last: Attempt | None = None

    @property
    def issuer(self) -> str:
        """Who signed it, as people call them."""
        if not self.chain_pem:
            return ""
        name = x509.load_pem_x509_certificate(self.chain_pem).issuer
        words = [
            str(attribute.value)
            for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
            for attribute in name.get_attributes_for_oid(kind)[:1]
        ]
        return ", ".join(words)

    def left(self, now: int) -> float:
        return life_left(self.not_before, self.not_after, now)

    def alarm(self, now: int) -> Alarm:
        return alarm(self.not_before, self.not_after, now)


@dataclass(frozen=True, slots=True)
class Inventory:
    """``refused`` says by source why something is not served; ``attempts`` the newest first."""

    certificates: tuple[Listed, ...]
    refused: Mapping[str, str]
    attempts: tuple[Attempt, ...]


async def take_inventory(
    config: Config, store: Store, chains: Iterable[CertificateChain], now: int
) -> Inventory:
    """``chains`` are those in files.  Served ones first, then the newest."""
    written = read_state(config.server.data)
    served = {one.fingerprint: one for one in written.served} if written else {}
    attempts = await store.attempts()
    found = [*await _in_store(config, store, attempts, served, now), *_in_files(chains, served)]
    known = {one.fingerprint for one in found}
    found += [_only_served(one) for one in served.values() if one.fingerprint not in known]
    found.sort(key=lambda one: (one.served is None, -one.id))
    refused = {one.source: one.reason for one in written.refused} if written else {}
    return Inventory(tuple(found), refused, attempts)


Served = Mapping[str, ServedCertificate]


async def _in_store(
    config: Config, store: Store, attempts: tuple[Attempt, ...], served: Served, now: int
) -> list[Listed]:
    certificates, windows = await store.certificates(), await store.renewal_windows()
    found = []
    for one in certificates:
        kept = kept_of(one.series, one.kind, certificates, windows, attempts)
        renews = config.acme is not None and kept.current == one
        digest = fingerprint(one.chain_pem)
        found.append(
            Listed(
                source=one.authority,
                names=one.names,
                kind=one.kind,
                fingerprint=digest,
                not_before=one.not_before,
                not_after=one.not_after,
                chain_pem=one.chain_pem,
                id=one.id,
                state=one.state,
                note=one.note,
                served=served.get(digest),
                next_order=due(kept, one.names, now) if renews else None,
                last=next(iter(kept.attempts), None) if renews else None,
            )
        )
    return found


def _in_files(chains: Iterable[CertificateChain], served: Served) -> Iterator[Listed]:
    for chain in chains:
        digest = fingerprint(chain.chain_pem)
        yield Listed(
            source=chain.source,
            names=chain.names,
            kind=chain.kind,
            fingerprint=digest,
            not_before=int(chain.not_before.timestamp()),
            not_after=int(chain.not_after.timestamp()),
            chain_pem=chain.chain_pem,
            served=served.get(digest),
        )


def _only_served(one: ServedCertificate) -> Listed:
    """The private authority's, or a file's that was changed since."""
    return Listed(
        source=one.source,
        names=one.names,
        kind=one.kind,
        fingerprint=one.fingerprint,
        not_before=int(one.not_before.timestamp()),
        not_after=int(one.not_after.timestamp()),
        served=one,
    )


def fingerprint(chain_pem: bytes) -> str:
    """SHA-256 of the leaf in DER."""
    leaf = x509.load_pem_x509_certificate(chain_pem)
    return hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest()


def find(inventory: Inventory, wanted: str | None) -> Listed | None:
    """By number or by a name, the served one first; the first of all without either."""
    if wanted is None:
        return next(iter(inventory.certificates), None)
    if wanted.isdigit():
        return next((one for one in inventory.certificates if one.id == int(wanted)), None)
    name = wanted.lower().removesuffix(".")
    return next((one for one in inventory.certificates if name in one.names), None)


def day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
