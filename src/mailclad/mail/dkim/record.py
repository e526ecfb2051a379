"""Key records: ``v=DKIM1; k=rsa; p=…`` (RFC 6376 §3.6.1, RFC 8301 §3.2, RFC 8463 §4).

In comes a TXT record as DNS has it; out comes a ``Key``, or ``Unusable`` with the outcome and why.
Limits: ``MAX_RECORD_OCTETS``; RSA of ``SHORTEST_RSA`` to ``LONGEST_RSA`` bits with an exponent of
at most ``MAX_EXPONENT_BITS``: a stranger chooses the key, and its size is our work.
"""

from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailclad.mail.dkim.outcome import Outcome, Unusable
from mailclad.mail.dkim.tags import TagProblem, Tags, decode_base64, parse_tags, split_list

MAX_RECORD_OCTETS = 4096
"""RSA of 8,192 bits needs about 1,500."""

SHORTEST_RSA = 1024
"""RFC 8301 §3.2: shorter keys MUST NOT count."""

LONGEST_RSA = 8192
"""RFC 8301 §3.2 demands up to 4096; one of 8192 costs a third of a millisecond."""

MAX_EXPONENT_BITS = 64
"""OpenSSL's own limit for long keys; all usual exponents have at most 17."""

ED25519_BITS = 256

REMEMBERED = 1_024
"""Records whose reading is remembered, 4 MiB at most: reading one costs as much as verifying."""


@dataclass(frozen=True, slots=True)
class Key:
    """``strict``: ``i=`` must have the very domain of ``d=`` (``t=s``)."""

    public: RSAPublicKey | Ed25519PublicKey
    kind: str
    bits: int
    testing: bool
    strict: bool

    def verifies(self, signature: bytes, digest: bytes) -> bool:
        """``digest`` is the SHA-256 that was signed (RFC 8463 §3 for Ed25519)."""
        try:
            if isinstance(self.public, RSAPublicKey):
                self.public.verify(signature, digest, padding.PKCS1v15(), Prehashed(SHA256()))
            else:
                self.public.verify(signature, digest)
        except InvalidSignature:
            return False
        return True


@lru_cache(REMEMBERED)
def is_key_record(record: bytes) -> bool:
    """Whether it could be a key: wildcards put other records (SPF) in the way (§6.1.2)."""
    try:
        tags = parse_tags(record, MAX_RECORD_OCTETS)
    except TagProblem:
        return False
    return b"p" in tags and (b"v" not in tags or next(iter(tags)) == b"v")


@lru_cache(REMEMBERED)
def parse_key(record: bytes, service: bytes) -> Key:
    """``service`` is what the key must be good for: ``email``, or ``tlsrpt`` (RFC 8460 §3)."""
    try:
        tags = parse_tags(record, MAX_RECORD_OCTETS)
        public_octets = decode_base64(tags.get(b"p", b""))
    except TagProblem as problem:
        raise Unusable(Outcome.PERMERROR, f"the key record cannot be read: {problem}") from None
    _check_use(tags, service)
    kind = tags.get(b"k", b"rsa").lower()
    flags = split_list(tags.get(b"t", b""))
    if kind == b"rsa":
        rsa = _load_rsa(public_octets)
        return Key(rsa, "rsa", rsa.key_size, b"y" in flags, b"s" in flags)
    if kind == b"ed25519":
        return Key(
            _load_ed25519(public_octets), "ed25519", ED25519_BITS, b"y" in flags, b"s" in flags
        )
    raise Unusable(Outcome.PERMERROR, "the key is of a kind (k=) that is not known here")


def _check_use(tags: Tags, service: bytes) -> None:
    if tags.get(b"v", b"DKIM1") != b"DKIM1":
        raise Unusable(Outcome.PERMERROR, "the key record has a version that is not known here")
    if not tags.get(b"p"):
        raise Unusable(Outcome.PERMERROR, "the key was revoked by its domain")
    if b"h" in tags and b"sha256" not in split_list(tags[b"h"]):
        raise Unusable(Outcome.PERMERROR, "the key record does not allow SHA-256 (h=)")
    if {b"*", service}.isdisjoint(split_list(tags.get(b"s", b"*"))):
        raise Unusable(Outcome.PERMERROR, f"the key record is not for {service.decode()} (s=)")


def _load_rsa(octets: bytes) -> RSAPublicKey:
    """As SubjectPublicKeyInfo, which everybody publishes, or as the RFC's RSAPublicKey."""
    try:
        public = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, RSAPublicKey):
        raise Unusable(Outcome.PERMERROR, "the key record has no RSA key in it")
    if public.key_size < SHORTEST_RSA:
        raise Unusable(
            Outcome.POLICY,
            f"the key has {public.key_size} bits; fewer than {SHORTEST_RSA} can be broken",
        )
    exponent_bits = public.public_numbers().e.bit_length()
    if public.key_size > LONGEST_RSA or exponent_bits > MAX_EXPONENT_BITS:
        raise Unusable(Outcome.POLICY, f"the key is longer than {LONGEST_RSA} bits")
    return public


def _load_ed25519(octets: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(octets)
    except ValueError:
        raise Unusable(Outcome.PERMERROR, "the key record has no Ed25519 key in it") from None
