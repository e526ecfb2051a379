"""Signature algorithms: a public key as the DNS has it becomes a function that checks signatures.

RFC 3110 and 5702 (RSA), RFC 6605 (ECDSA), RFC 8080 (EdDSA); which ones: RFC 9904.  RSA with SHA-1
is not among them, so zones with nothing else count as unsigned (RFC 9905 §2).
Limits: the sizes of RSA keys, since large exponents are slow.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

Check = Callable[[bytes, bytes], None]
"""Takes a signature and what it signs; raises InvalidSignature."""

MIN_RSA_BITS = 1024
"""Shorter ones are broken at home."""

MAX_RSA_BITS = 4096
"""RFC 3110 §2."""

MAX_EXPONENT_OCTETS = 4
"""Keys in use have 65537 or 3; one as long as the modulus makes each check fifty times slower."""


def load_key(algorithm: int, public_key: bytes) -> Check | None:
    """None where the algorithm is not known or this is not a key of it."""
    load = ALGORITHMS.get(algorithm)
    try:
        return None if load is None else load(public_key)
    except (ValueError, IndexError, UnsupportedAlgorithm):
        return None


def _rsa(public_key: bytes, algorithm: hashes.HashAlgorithm) -> Check:
    length, at = public_key[0], 1
    if length == 0:
        length, at = int.from_bytes(public_key[1:3], "big"), 3
    modulus = int.from_bytes(public_key[at + length :], "big")
    if length > MAX_EXPONENT_OCTETS or not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise ValueError("an RSA key of this size is not used")
    exponent = int.from_bytes(public_key[at : at + length], "big")
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    padded = padding.PKCS1v15()
    return lambda signature, signed: key.verify(signature, signed, padded, algorithm)


def _ecdsa(public_key: bytes, curve: ec.EllipticCurve, algorithm: hashes.HashAlgorithm) -> Check:
    half = curve.key_size // 8
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + public_key)
    chosen = ec.ECDSA(algorithm)

    def check(signature: bytes, signed: bytes) -> None:
        if len(signature) != 2 * half:
            raise InvalidSignature
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        key.verify(utils.encode_dss_signature(r, s), signed, chosen)

    return check


ALGORITHMS: dict[int, Callable[[bytes], Check]] = {
    8: lambda key: _rsa(key, hashes.SHA256()),
    10: lambda key: _rsa(key, hashes.SHA512()),
    13: lambda key: _ecdsa(key, ec.SECP256R1(), hashes.SHA256()),
    14: lambda key: _ecdsa(key, ec.SECP384R1(), hashes.SHA384()),
    15: lambda key: ed25519.Ed25519PublicKey.from_public_bytes(key).verify,
    16: lambda key: ed448.Ed448PublicKey.from_public_bytes(key).verify,
}
