"""C15–C17, C40: weak keys and signatures, certificates for another use, keys that are public."""

from collections.abc import Iterator
from math import isqrt

from cryptography.hazmat.primitives.asymmetric import rsa

from mailclad.services.diagnose.chain import (
    Certificate,
    is_meant_for_servers,
    only_signs_certificates,
)
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules.case import Case, Shown

LEAST_BITS = {"RSA": 2048, "elliptic-curve": 224}
"""RFC 9325 §4.5.  Some recommend RSA of 3072 bits; 2048 is what nearly everybody has."""

_PYTHON = "the test suite of Python"
PUBLISHED_KEYS = {
    "1d2054b91a55916a": _PYTHON,
    "532c1cf563e57e9d": _PYTHON,
    "e2a7b7fd502ed354": _PYTHON,
    "45f9a0efba2ef7f6": _PYTHON,
    "515894a88719a8d7": _PYTHON,
    "be4c89ae84278a5e": _PYTHON,
    "316541c3534f29b7": _PYTHON,
    "052409d23910ef0c": _PYTHON,
    "ae6cf3f89a974387": _PYTHON,
    "8a12ccf7129ea493": _PYTHON,
}
"""The first octets of SHA-256 of SubjectPublicKeyInfo, of keys that are published whole.

Only what was computed from the published file itself.  Not in it: keys that Debian's OpenSSL of
2008 made (a list of its own, of megabytes), and ``ssl-cert-snakeoil``, whose key each machine
makes for itself and whose fault is that it is self-signed.
"""
_DIGITS = 16

_PURPOSES = {
    "1.3.6.1.5.5.7.3.2": "clients",
    "1.3.6.1.5.5.7.3.3": "signing programs",
    "1.3.6.1.5.5.7.3.4": "signing and encrypting mail (S/MIME)",
    "1.3.6.1.5.5.7.3.8": "time stamps",
    "1.3.6.1.5.5.7.3.9": "OCSP answers",
}


def published_key(shown: Shown, _case: Case) -> Iterator[Found]:
    """C40"""
    leaf = shown.chain.leaf
    where = PUBLISHED_KEYS.get(leaf.key_digest[:_DIGITS], "")
    if not where and is_computable(leaf):
        where = "the certificate itself, by computing (ROCA)"
    if where:
        yield shown.found("CERT-322", "C40", where_published=where)


def _powers(prime: int) -> frozenset[int]:
    found, value = set(), 1
    while value not in found:
        found.add(value)
        value = value * 65537 % prime
    return frozenset(found)


_TRACES = {
    prime: _powers(prime)
    for prime in range(3, 168)
    if all(prime % factor for factor in range(2, isqrt(prime) + 1))
}


def is_computable(certificate: Certificate) -> bool:
    """Whether an RSA key bears the mark of CVE-2017-15361: powers of 65537 modulo small primes.

    A key without the fault bears it once in 2^27.
    """
    if certificate.key_type != "RSA" or certificate.parsed is None:
        return False
    key = certificate.parsed.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    modulus = key.public_numbers().n
    return all(modulus % prime in trace for prime, trace in _TRACES.items())


def weak_key(shown: Shown, _case: Case) -> Iterator[Found]:
    """C15"""
    for one in (shown.chain.leaf, *shown.chain.links):
        if 0 < one.key_bits < LEAST_BITS.get(one.key_type, 0):
            what = f"an {one.key_type} key of {one.key_bits} bits{_of(one, shown)}"
            yield shown.found("CERT-311", "C15", what=what)
            return


def weak_signature(shown: Shown, _case: Case) -> Iterator[Found]:
    """C16: of a root it does not matter, nobody verifies it."""
    for one in (shown.chain.leaf, *shown.chain.links):
        if one.weak_signature and not one.is_self_issued:
            what = f"a signature with {one.weak_signature}{_of(one, shown)}"
            yield shown.found("CERT-311", "C16", what=what)
            return


def _of(one: Certificate, shown: Shown) -> str:
    return "" if one is shown.chain.leaf else f", in the link “{one.subject.words}”"


def wrong_purpose(shown: Shown, _case: Case) -> Iterator[Found]:
    """C17"""
    leaf = shown.chain.leaf
    if not is_meant_for_servers(leaf):
        meant = [_PURPOSES[one] for one in leaf.purposes or () if one in _PURPOSES]
        what = f"it is for {', '.join(meant) or 'something else than servers'}"
        yield shown.found("CERT-318", "C17", what=what)
    elif only_signs_certificates(leaf):
        yield shown.found("CERT-318", "C17", what="it is for signing other certificates")
