"""The supervisor's own record of certificates: what is served, what was refused, for how long.

Comes in: what was decided.  Goes out: lines in the log, once for each decision, and the file that
others read (:mod:`certificate_state`).
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.app.certificate_sources import Offer
from mailclad.app.certificate_state import (
    CertificateState,
    RefusedCertificate,
    ServedCertificate,
    write_state,
)
from mailclad.servers.loopback import Proof

_log = structlog.get_logger()


class Record:
    def __init__(self) -> None:
        self._served: dict[bytes, ServedCertificate] = {}
        self._refused: dict[str, RefusedCertificate] = {}

    def knows(self, source: str, reason: str) -> bool:
        """Whether this refusal has been told of."""
        known = self._refused.get(source)
        return known is not None and known.reason == reason

    def served(
        self, directory: Path, offers: Iterable[Offer], now: datetime, proof: Proof | None
    ) -> None:
        before = self._served
        self._served = {}
        for offer in offers:
            known = before.get(offer.chain.chain_pem) or _described(offer, now)
            if known.since == now:  # fresh: what was refused of its source is past
                self._refused.pop(offer.source, None)
            self._served[offer.chain.chain_pem] = _proven(known, now, proof)
        self._write(directory)

    def refused(self, directory: Path, reasons: Mapping[str, str], now: datetime) -> None:
        """All that stand at this moment, by source."""
        standing: dict[str, RefusedCertificate] = {}
        for source, reason in reasons.items():
            if self.knows(source, reason):
                standing[source] = self._refused[source]
            else:
                _log.error("certificate not served", source=source, reason=reason)
                standing[source] = RefusedCertificate(source=source, reason=reason, at=now)
        if standing != self._refused:
            self._refused = standing
            self._write(directory)

    def _write(self, directory: Path) -> None:
        served, refused = tuple(self._served.values()), tuple(self._refused.values())
        write_state(directory, CertificateState(served=served, refused=refused))


def _described(offer: Offer, now: datetime) -> ServedCertificate:
    chain = offer.chain
    leaf = x509.load_pem_x509_certificate(chain.chain_pem)
    return ServedCertificate(
        source=offer.source,
        names=chain.names,
        kind=chain.kind,
        fingerprint=hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest(),
        not_before=chain.not_before,
        not_after=chain.not_after,
        since=now,
        temporary=offer.temporary,
        kept=offer.kept,
        remarks=tuple(map(str, offer.loaded.lasting)),
    )


def _proven(served: ServedCertificate, now: datetime, proof: Proof | None) -> ServedCertificate:
    if proof is None:
        return served
    if proof.refuted:
        return msgspec.structs.replace(served, refuted=proof.refuted)
    return msgspec.structs.replace(
        served, proven_at=now, proven_on=proof.proven, unproven=proof.unproven, refuted=""
    )
