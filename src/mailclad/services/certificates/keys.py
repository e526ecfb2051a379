"""Keys of certificates: made, and chosen so that TLSA records stay true (DANE roll-over).

RFC 6698 §2.1, RFC 7671 §8.1 and §8.4: a record for the next key is published before that key is
used, and has been seen for two times to live.  Comes in: keys, what all name servers show.  Goes
out: which key the next certificate gets.  docs/design/renewal.md has the states.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from mailclad.base.resolver import Tlsa
from mailclad.base.secret import Secret
from mailclad.services.certificates.chain import KeyKind
from mailclad.store.renewals import NextKey

RSA_BITS = 2048
"""As strong as the authorities' own intermediate ones; 4096 costs seven times as much."""

DOMAIN_ISSUED = 3
PUBLIC_KEY = 1
"""Usage and selector of the records that name a key of ours."""

TTLS = 2
"""How many times to live a record must have been seen (RFC 7671 §8.1)."""


@dataclass(frozen=True, slots=True)
class TlsaSeen:
    """What the zone's name servers show: ``anywhere`` on one at least, ``everywhere`` on all."""

    anywhere: frozenset[Tlsa] = frozenset()
    everywhere: frozenset[Tlsa] = frozenset()
    ttl: int = 0


def make_key(kind: KeyKind) -> Secret:
    """A private key in PEM; RSA takes up to a second."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if kind is KeyKind.RSA:
        key = rsa.generate_private_key(65537, RSA_BITS)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def public_key_der(key_pem: Secret) -> bytes:
    """SubjectPublicKeyInfo, of which TLSA records hold a digest."""
    public = load_pem_private_key(key_pem.reveal(), None).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def tlsa_text(chain_pem: bytes) -> str:
    """The record that names a certificate's key, in presentation form."""
    public = x509.load_pem_x509_certificate(chain_pem).public_key()
    octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"{DOMAIN_ISSUED} {PUBLIC_KEY} 1 {hashlib.sha256(octets).hexdigest()}"


_DIGESTS: Mapping[int, Callable[[bytes], bytes]] = {
    0: lambda octets: octets,
    1: lambda octets: hashlib.sha256(octets).digest(),
    2: lambda octets: hashlib.sha512(octets).digest(),
}
"""By matching type (RFC 6698 §2.1.3)."""


def names_key(records: Iterable[Tlsa], key_pem: Secret) -> bool:
    """Whether one of the records is for this key."""
    public = public_key_der(key_pem)
    return any(
        record.usage == DOMAIN_ISSUED
        and record.selector == PUBLIC_KEY
        and record.matching in _DIGESTS
        and _DIGESTS[record.matching](public) == record.data
        for record in records
    )


def may_change(following: NextKey, seen: TlsaSeen | None, now: int) -> bool:
    """Whether the next certificate may have the next key, without breaking a TLSA record.

    ``seen`` is None where nobody could be asked: then nothing is risked.
    """
    if seen is None:
        return False
    if not any(record.usage == DOMAIN_ISSUED for record in seen.anywhere):
        return True
    since = following.shown_since
    return since is not None and now - since >= TTLS * following.ttl


def noticed(following: NextKey, seen: TlsaSeen | None, now: int) -> NextKey:
    """The next key after a look at the name servers; unseen again, the time begins anew."""
    if seen is None:
        return following
    shown = names_key(seen.everywhere, following.pem)
    since = (following.shown_since or now) if shown else None
    ttl = max(seen.ttl, following.ttl if shown else 0)
    return NextKey(following.kind, following.pem, following.made_at, since, ttl)
