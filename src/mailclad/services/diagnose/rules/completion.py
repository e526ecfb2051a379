"""Missing links, found where certificates say that their issuers stand, and proven to be right.

RFC 5280 §4.2.2.1.  What stands at a URL is a stranger's until the path verifies with it.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from mailclad.services.diagnose.chain import (
    BROKEN,
    MAX_CERTIFICATES,
    Certificate,
    Link,
    link,
    read_certificate,
)
from mailclad.services.diagnose.evidence import CA_OCTETS, ROUNDS
from mailclad.services.diagnose.rules.case import Case, Shown

UNKNOWN_ISSUER = frozenset({2, 20, 21, 27})
"""OpenSSL's codes of a path that ends too early."""


@dataclass(frozen=True, slots=True)
class Completion:
    """``links`` lead from the end of what was sent upwards; ``asks`` are URLs not fetched yet."""

    links: tuple[Certificate, ...] = ()
    complete: bool = False
    asks: tuple[str, ...] = ()


def complete(shown: Shown, case: Case) -> Completion:
    """Follow issuers' URLs until the path verifies, or as far as answers go."""
    key = ("completion", tuple(one.der for one in shown.chain.certificates))
    return case.once(key, lambda: _follow(shown, case))


def _follow(shown: Shown, case: Case) -> Completion:
    top, links = shown.chain.top, list[Certificate]()
    while not top.is_self_issued and len(links) < ROUNDS:
        asks = tuple(url for url in top.issuer_urls if url not in case.answers.fetched)
        issuer = _fetched_issuer(top, case)
        if issuer is None:
            return Completion(tuple(links), asks=asks)
        links.append(issuer)
        if _verifies(shown, links, case):
            return Completion(tuple(links), complete=True)
        top = issuer
    return Completion(tuple(links))


def _fetched_issuer(below: Certificate, case: Case) -> Certificate | None:
    for url in below.issuer_urls:
        for one in parse_certificates(case.answers.fetched.get(url) or b""):
            if link(below, one) is Link.PROVEN:
                return one
    return None


def _verifies(shown: Shown, links: Sequence[Certificate], case: Case) -> bool:
    sent = [shown.chain.certificates[place].der for place in shown.chain.path]
    faults = case.verifiers.verify([*sent, *(one.der for one in links)])
    return not any(fault.code in {*UNKNOWN_ISSUER, 18, 19} for fault in faults)


def parse_certificates(octets: bytes) -> tuple[Certificate, ...]:
    """DER, PEM or PKCS #7; nothing where it is neither.  Never raises."""
    if not octets or len(octets) > CA_OCTETS:
        return ()
    found = read_certificate(octets)
    if found.parsed is not None:
        return (found,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for parse in (
            x509.load_pem_x509_certificates,
            pkcs7.load_der_pkcs7_certificates,
            pkcs7.load_pem_pkcs7_certificates,
        ):
            try:
                several = parse(octets)[:MAX_CERTIFICATES]
            except BROKEN:
                continue
            return tuple(read_certificate(one.public_bytes(Encoding.DER)) for one in several)
    return ()


def asks(case: Case) -> Iterator[str]:
    """URLs of issuers that would tell a missing link from an unknown authority."""
    for shown in case.shown:
        if shown.codes & UNKNOWN_ISSUER and not shown.chain.self_signed:
            yield from complete(shown, case).asks
