"""A certificate ready to be served, as plain data: what the TLS transport is given.

Made by :mod:`files` and :mod:`private_ca`; the key travels as a Secret.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailclad.base.secret import Secret


class KeyKind(StrEnum):
    """Names may have one certificate of each kind; a client gets the one that it can verify."""

    EC = "ec"
    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class CertificateChain:
    """``names`` are DNS names in lower case as A-labels (``*.example.org`` too) and IP addresses.

    ``chain_pem`` begins with the leaf, each next certificate signed the one before.
    ``source`` says where it came from, in words for people.
    """

    names: tuple[str, ...]
    chain_pem: bytes
    key_pem: Secret
    kind: KeyKind
    not_before: datetime
    not_after: datetime
    source: str
