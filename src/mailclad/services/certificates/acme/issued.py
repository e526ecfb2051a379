"""The certificate that an authority gave: is it what was asked for?

RFC 8555 §7.4.2 (chains), RFC 5280 §4.2 (names, purposes).

Comes in: PEM of the authority, our names and key, the time.  Goes out: the chain, leaf first, or
a text that says what is wrong with it.
Limits: certificates in a chain.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailclad.base.secret import Secret

MAX_CHAIN = 10
"""Certificates; public authorities send two or three."""

CLOCK_TOLERANCE = timedelta(days=1)
"""How late our clock may be, as one in another time zone is: the certificate was given and is
counted, and it is served when its time has come."""

Chain = tuple[x509.Certificate, ...]
E = TypeVar("E", bound=x509.ExtensionType)


class NotAsOrdered(Exception):
    """The certificate must not be used; the text says why."""


def check_issued(pem: bytes, names: Iterable[str], key_pem: Secret, now: datetime) -> Chain:
    """Raises NotAsOrdered."""
    try:
        chain = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as problem:
        raise NotAsOrdered(f"it is no chain of certificates in PEM ({problem})") from None
    if len(chain) > MAX_CHAIN:
        raise NotAsOrdered(f"its chain has more than {MAX_CHAIN} certificates")
    _check_leaf(chain[0], frozenset(names), key_pem)
    _check_dates(chain[0], now)
    for below, above in pairwise(chain):
        _check_signed(below, above)
    return chain


def write_chain(chain: Chain) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in chain)


def leads_to(chain: Chain, root: str) -> bool:
    """Whether the last certificate was signed by the root of this common name."""
    names = chain[-1].issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return any(str(name.value).casefold() == root.casefold() for name in names)


def _check_leaf(leaf: x509.Certificate, names: frozenset[str], key_pem: Secret) -> None:
    key = load_pem_private_key(key_pem.reveal(), None)
    try:
        is_ours = leaf.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        is_ours = False
    if not is_ours:
        raise NotAsOrdered("it is for another key")
    try:
        extensions = leaf.extensions
    except ValueError as problem:
        raise NotAsOrdered(f"it is damaged ({problem})") from None
    found = _names(extensions)
    if found != names:
        differing = ", ".join(sorted(found ^ names)[:5])
        raise NotAsOrdered(f"its names are others than those ordered ({differing})")
    purposes = _value(extensions, x509.ExtendedKeyUsage)
    if purposes is not None and ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        raise NotAsOrdered("it is not meant for servers")


def _names(extensions: x509.Extensions) -> frozenset[str]:
    found = _value(extensions, x509.SubjectAlternativeName)
    if found is None:
        return frozenset()
    hosts = (name.lower() for name in found.get_values_for_type(x509.DNSName))
    addresses = (str(address) for address in found.get_values_for_type(x509.IPAddress))
    return frozenset((*hosts, *addresses))


def _value(extensions: x509.Extensions, kind: type[E]) -> E | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _check_dates(leaf: x509.Certificate, now: datetime) -> None:
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if not begins - CLOCK_TOLERANCE <= now < ends:
        raise NotAsOrdered(
            f"it is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC, and this "
            f"machine's clock says {now:%Y-%m-%d %H:%M}: check the clock"
        )


def _check_signed(below: x509.Certificate, above: x509.Certificate) -> None:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise NotAsOrdered(
            "its chain is not in order: one has not signed the one before"
        ) from None
