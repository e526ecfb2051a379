"""C20, C21: is the certificate revoked?  By the list that it names (RFC 5280 §5), never by OCSP.

No OCSP address is no fault: authorities have stopped it.  A list counts only with its
issuer's signature and before its nextUpdate.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from cryptography import x509

from mailclad.services.diagnose.chain import BROKEN, Certificate
from mailclad.services.diagnose.evidence import CRL_OCTETS
from mailclad.services.diagnose.filling import date_words
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules.case import Case, Shown
from mailclad.services.diagnose.rules.completion import complete
from mailclad.services.diagnose.rules.dates import iso

_REVOKED = 23
"""OpenSSL's code, from a system that knows lists of its own."""


@dataclass(frozen=True, slots=True)
class Revoked:
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Why, in plain words."""

    why: str


Status: TypeAlias = Revoked | NotKnown | None
"""None: it is not on its list, or names none."""


def revoked(shown: Shown, case: Case) -> Iterator[Found]:
    """C20"""
    status = _status(shown, case)
    if isinstance(status, Revoked):
        yield shown.found("CERT-320", "C20", since=iso(status.since), reason=status.reason)
    elif _REVOKED in shown.codes:
        yield shown.found("CERT-320", "C20", since="", reason="")


def unchecked(shown: Shown, case: Case) -> Iterator[Found]:
    """C21"""
    status = _status(shown, case)
    if isinstance(status, NotKnown):
        yield shown.found("CERT-323", "C21", what=status.why)


def asks(case: Case) -> Iterator[str]:
    """The lists of certificates that are good but for this: one URL each."""
    for shown in case.shown:
        urls = shown.chain.leaf.revocation_urls
        if urls and not shown.faults and urls[0] not in case.answers.fetched:
            yield urls[0]


def _status(shown: Shown, case: Case) -> Status:
    """A list may have megabytes: it is read once for each certificate."""
    return case.once(("revocation", shown.chain.leaf.der), lambda: _look(shown, case))


def _look(shown: Shown, case: Case) -> Status:
    leaf = shown.chain.leaf
    url = next(iter(leaf.revocation_urls), None)
    if url is None:
        return None
    octets = case.answers.fetched.get(url)
    if octets is None:
        return NotKnown(f"the list at {url} could not be fetched")
    if len(octets) > CRL_OCTETS:
        return NotKnown(f"the list is longer than {CRL_OCTETS} octets")
    issuer = shown.chain.issuer or next(iter(complete(shown, case).links), None)
    if issuer is None:
        return NotKnown("the issuer's certificate is missing, so its list cannot be verified")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _entry(leaf, issuer, _load(octets), case.now)
        except BROKEN:
            return NotKnown("the list cannot be read")


def _load(octets: bytes) -> x509.CertificateRevocationList:
    if octets.startswith(b"-----BEGIN"):
        return x509.load_pem_x509_crl(octets)
    return x509.load_der_x509_crl(octets)


def _entry(
    leaf: Certificate, issuer: Certificate, listed: x509.CertificateRevocationList, now: datetime
) -> Status:
    assert leaf.parsed is not None
    assert issuer.parsed is not None
    key = issuer.parsed.public_key()
    if not listed.is_signature_valid(key):  # type: ignore[arg-type]
        return NotKnown("the list is signed by somebody else")
    ends = listed.next_update_utc
    if ends is not None and ends < now:
        return NotKnown(f"the list ended on {date_words(ends)}")
    entry = listed.get_revoked_certificate_by_serial_number(leaf.parsed.serial_number)
    return None if entry is None else Revoked(entry.revocation_date_utc, _reason(entry))


_REASONS = {
    x509.ReasonFlags.key_compromise: "the key is in wrong hands",
    x509.ReasonFlags.ca_compromise: "the authority's key is in wrong hands",
    x509.ReasonFlags.affiliation_changed: "its owner is somebody else now",
    x509.ReasonFlags.superseded: "another has replaced it",
    x509.ReasonFlags.cessation_of_operation: "it is no longer used",
    x509.ReasonFlags.certificate_hold: "it is on hold",
    x509.ReasonFlags.privilege_withdrawn: "a permission was taken back",
}


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        found = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return ""
    return _REASONS.get(found, "")
