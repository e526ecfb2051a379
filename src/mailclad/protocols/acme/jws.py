"""Signed requests: JSON Web Signatures as ACME uses them, with an account's key on P-256.

RFC 8555 §6.2 (protected header), §7.3.4 (External Account Binding), §8.1 (key authorization);
RFC 7515 (flattened JSON, base64url), RFC 7518 §3.2, §3.4 (HS256, ES256), RFC 7638 (thumbprint of
a key).

Comes in: our own keys and payloads; URLs and nonces of the authority.  Goes out: octets to be
posted.  The only randomness is that of the signature itself.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailclad.base.secret import Secret

MEDIA_TYPE = "application/jose+json"

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_COORDINATE_OCTETS = 32
_PADDING = "="

Json = Mapping[str, object]


def is_base64url(text: str) -> bool:
    return _BASE64URL.fullmatch(text) is not None


def encode_base64url(octets: bytes) -> str:
    """Without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(octets).decode("ascii").rstrip(_PADDING)


def decode_base64url(text: str) -> bytes:
    """Raises ValueError; padding may be there."""
    bare = text.rstrip(_PADDING)
    if not is_base64url(bare):
        raise ValueError("it is not base64url")
    try:
        return base64.urlsafe_b64decode(bare + _PADDING * (-len(bare) % 4))
    except binascii.Error:
        raise ValueError("it is not base64url") from None


class AccountKey:
    """An account's private key, and what the authority sees of it."""

    __slots__ = ("_key", "jwk")

    def __init__(self, key_pem: Secret) -> None:
        """Raises TypeError where it is no key on P-256."""
        key = load_pem_private_key(key_pem.reveal(), None)
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise TypeError("the key of an ACME account is on the curve P-256")
        self._key = key
        numbers = key.public_key().public_numbers()
        self.jwk = {
            "crv": "P-256",
            "kty": "EC",
            "x": encode_base64url(numbers.x.to_bytes(_COORDINATE_OCTETS, "big")),
            "y": encode_base64url(numbers.y.to_bytes(_COORDINATE_OCTETS, "big")),
        }

    @property
    def thumbprint(self) -> str:
        canonical = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True)
        return encode_base64url(hashlib.sha256(canonical.encode("ascii")).digest())

    def authorize(self, token: str) -> str:
        """The key authorization of a challenge's token."""
        return f"{token}.{self.thumbprint}"

    def signature(self, octets: bytes) -> bytes:
        """As RFC 7518 §3.4 has it: both numbers, each in 32 octets."""
        r, s = decode_dss_signature(self._key.sign(octets, ECDSA(SHA256())))
        return r.to_bytes(_COORDINATE_OCTETS, "big") + s.to_bytes(_COORDINATE_OCTETS, "big")


def sign(
    key: AccountKey, url: str, nonce: str, payload: Json | None, account: str | None = None
) -> bytes:
    """A request to ``url``; without a payload POST-as-GET, without an ``account`` by key."""
    who: Json = {"kid": account} if account is not None else {"jwk": key.jwk}
    header = {"alg": "ES256", **who, "nonce": nonce, "url": url}
    return _octets(_signed(header, payload, key.signature))


def bind_account(key: AccountKey, url: str, key_id: str, mac_key: Secret) -> Json:
    """The External Account Binding: the authority's customer vouches for our key.

    ``mac_key`` is in base64url, as authorities show it; raises ValueError.
    """
    secret = decode_base64url(mac_key.reveal().decode("ascii"))
    header = {"alg": "HS256", "kid": key_id, "url": url}
    return _signed(header, key.jwk, lambda octets: hmac.digest(secret, octets, "sha256"))


def _signed(header: Json, payload: Json | None, signature: Callable[[bytes], bytes]) -> Json:
    protected = encode_base64url(_octets(header))
    body = encode_base64url(_octets(payload)) if payload is not None else ""
    signing_input = f"{protected}.{body}".encode("ascii")
    return {
        "protected": protected,
        "payload": body,
        "signature": encode_base64url(signature(signing_input)),
    }


def _octets(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
