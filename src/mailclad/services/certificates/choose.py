"""Which certificates serve a name: exact names first, then a wildcard's one left-most label.

RFC 9525 §6.3: a wildcard stands for exactly one whole label.  Comes in: certificates and the
name a client asked for (SNI, RFC 6066 §3), untrusted.  Goes out: the certificates of that
name, one of each kind of key, or none.  Never raises.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from mailclad.services.certificates.chain import CertificateChain, KeyKind

T = TypeVar("T")

Bundle = tuple[CertificateChain, ...]
"""Certificates for the same name, one of each kind of key."""

LONGEST_NAME = 253
"""RFC 1035 §3.1: 255 octets on the wire, 253 characters in text."""

_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)


def by_name(certificates: Iterable[CertificateChain]) -> dict[str, Bundle]:
    """Index certificates by every name they carry; of one kind of key the latest to end wins."""
    kinds: dict[str, dict[KeyKind, CertificateChain]] = {}
    for certificate in certificates:
        for name in certificate.names:
            known = kinds.setdefault(name, {})
            other = known.get(certificate.kind)
            if other is None or other.not_after < certificate.not_after:
                known[certificate.kind] = certificate
    return {name: tuple(found.values()) for name, found in kinds.items()}


def normalise(server_name: bytes) -> str | None:
    """Return a name in lower case without its final dot, or None if it is not a host name."""
    try:
        name = server_name.decode("ascii").lower().removesuffix(".")
    except UnicodeDecodeError:
        return None
    if len(name) > LONGEST_NAME or _HOST_NAME.fullmatch(name) is None:
        return None
    return name


def choose(index: Mapping[str, T], name: str) -> T | None:
    """Return what serves this normalised name."""
    found = index.get(name)
    if found is None:
        _, dot, parent = name.partition(".")
        found = index.get(f"*.{parent}") if dot else None
    return found
