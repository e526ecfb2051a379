"""Keys that sign: made, loaded, and published (RFC 6376 §3.6.1, RFC 8301 §3.2, RFC 8463 §4).

A private key lies as PKCS #8 in PEM, a ``Secret``; what DNS shall say of it is one TXT value.
Randomness is the cryptographic library's.  Limit: RSA of at least ``SHORTEST_RSA`` bits.
"""

import base64
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from mailclad.base.secret import Secret

SHORTEST_RSA = 2048
"""RFC 8301 §3.2: signers SHOULD use at least so many bits; more do not fit old DNS paths."""


class KeyKind(StrEnum):
    RSA = "rsa"
    ED25519 = "ed25519"


class KeyProblem(ValueError):
    """The private key cannot be used; says why, never what is in it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Its public half stands at ``selector._domainkey.domain``; both in A-labels."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)
    kind: KeyKind

    def sign(self, digest: bytes) -> bytes:
        """``digest`` is a SHA-256."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(digest, padding.PKCS1v15(), Prehashed(SHA256()))
        return self.private.sign(digest)


def make_key(kind: KeyKind) -> Secret:
    """A new private key; RSA takes tens to hundreds of milliseconds."""
    private = (
        rsa.generate_private_key(65537, SHORTEST_RSA)
        if kind is KeyKind.RSA
        else Ed25519PrivateKey.generate()
    )
    return Secret(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def load_key(pem: Secret, domain: str, selector: str) -> SigningKey:
    """Raises KeyProblem."""
    try:
        private = load_pem_private_key(pem.reveal(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem("the file is not a private key in PEM without a password") from None
    if isinstance(private, Ed25519PrivateKey):
        return SigningKey(domain, selector, private, KeyKind.ED25519)
    if not isinstance(private, RSAPrivateKey):
        raise KeyProblem("DKIM knows only RSA and Ed25519 keys: make one of these")
    if private.key_size < SHORTEST_RSA:
        raise KeyProblem(
            f"the key has {private.key_size} bits: make one of {SHORTEST_RSA} or more"
        )
    return SigningKey(domain, selector, private, KeyKind.RSA)


def public_record(key: SigningKey) -> str:
    """The TXT value; DNS wants it in strings of at most 255 octets."""
    public = key.private.public_key()
    octets = (
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.kind is KeyKind.RSA
        else public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    )
    return f"v=DKIM1; k={key.kind}; h=sha256; p={base64.b64encode(octets).decode()}"
