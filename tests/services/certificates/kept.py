"""Rows of the store for tests of renewal."""

from mailclad.base.secret import Secret
from mailclad.store.certificates import CertificateState, KeptCertificate
from mailclad.store.renewals import Attempt
from tests.services.clock import NOW

DAY = 24 * 3600
HOST = "mail.example.org"
NAMES = (HOST, "mta-sts.example.org")


def certificate(
    *,
    id_: int = 1,
    begins: int = NOW,
    days: float = 90,
    names: tuple[str, ...] = NAMES,
    state: CertificateState = CertificateState.LIVE,
    chain_pem: bytes = b"chain",
    series: int = 0,
    made_at: int = NOW,
) -> KeptCertificate:
    return KeptCertificate(
        id=id_,
        names=names,
        chain_pem=chain_pem,
        key_pem=Secret(b"key"),
        kind="ec",
        authority="letsencrypt",
        not_before=begins,
        not_after=begins + int(days * DAY),
        state=state,
        made_at=made_at,
        note="its chain is not complete",
        series=series,
    )


def attempt(
    at: int,
    *,
    issued: bool = False,
    names: tuple[str, ...] = NAMES,
    failed: tuple[str, ...] = (),
    not_before: int = 0,
) -> Attempt:
    return Attempt(
        at=at,
        series=0,
        kind="ec",
        authority="letsencrypt",
        names=names,
        issued=issued,
        told="issued" if issued else "the authority did not answer",
        failed=dict.fromkeys(failed, "port 80 is closed"),
        not_before=not_before,
    )
