"""Signed requests, against vectors of the standards and a verifier that is none of ours."""

import base64
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.secret import Secret
from mailclad.protocols.acme.jws import (
    AccountKey,
    bind_account,
    decode_base64url,
    encode_base64url,
    sign,
)

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def pem(key: Private) -> Secret:
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


# RFC 7515 appendix A.3.1
EXAMPLE = ec.derive_private_key(
    int.from_bytes(base64.urlsafe_b64decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI=")),
    ec.SECP256R1(),
)
KEY = AccountKey(pem(EXAMPLE))
URL = "https://ca.test/order"


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verified(jws: dict[str, str], key: ec.EllipticCurvePrivateKey) -> tuple[Any, bytes]:
    raw = decoded(jws["signature"])
    assert len(raw) == 64
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    signed = f"{jws['protected']}.{jws['payload']}".encode()
    key.public_key().verify(signature, signed, ec.ECDSA(SHA256()))
    return json.loads(decoded(jws["protected"])), decoded(jws["payload"])


@pytest.mark.rfc(7515, "A.3.1")
def test_the_key_of_the_standards_example() -> None:
    assert KEY.jwk == {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }


@pytest.mark.rfc(7638, "3")
def test_a_thumbprint() -> None:
    """SHA-256 of the members in order, without white space."""
    assert KEY.thumbprint == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
    assert KEY.authorize("token") == f"token.{KEY.thumbprint}"


@pytest.mark.rfc(8555, "6.2")
def test_a_request_by_key() -> None:
    header, payload = verified(json.loads(sign(KEY, URL, "n-1", {"a": 1})), EXAMPLE)
    assert header == {"alg": "ES256", "jwk": KEY.jwk, "nonce": "n-1", "url": URL}
    assert json.loads(payload) == {"a": 1}


@pytest.mark.rfc(8555, "6.3")
def test_a_request_by_account_that_only_asks() -> None:
    jws = json.loads(sign(KEY, URL, "n-1", None, "https://ca.test/account/1"))
    header, payload = verified(jws, EXAMPLE)
    assert header == {
        "alg": "ES256",
        "kid": "https://ca.test/account/1",
        "nonce": "n-1",
        "url": URL,
    }
    assert payload == b""
    assert jws["payload"] == ""


@pytest.mark.rfc(8555, "7.5.1")
def test_an_empty_payload_is_no_missing_one() -> None:
    assert verified(json.loads(sign(KEY, URL, "n", {}, "k")), EXAMPLE)[1] == b"{}"


@pytest.mark.rfc(8555, "7.3.4")
@pytest.mark.parametrize("shown", ["c2VjcmV0IG9jdGV0cw", "c2VjcmV0IG9jdGV0cw=="])
def test_a_binding(shown: str) -> None:
    jws: Any = bind_account(KEY, URL, "kid-7", Secret(shown.encode()))
    assert json.loads(decoded(jws["protected"])) == {"alg": "HS256", "kid": "kid-7", "url": URL}
    assert json.loads(decoded(jws["payload"])) == KEY.jwk
    signed = f"{jws['protected']}.{jws['payload']}".encode()
    assert decoded(jws["signature"]) == hmac.digest(b"secret octets", signed, "sha256")


@pytest.mark.parametrize("shown", ["", "===", "a", "not base64", "a+b/", "ümlaut"])
def test_what_is_no_mac_key(shown: str) -> None:
    with pytest.raises(ValueError):
        bind_account(KEY, URL, "kid-7", Secret(shown.encode()))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_keys_of_other_kinds(key: Private) -> None:
    with pytest.raises(TypeError):
        AccountKey(pem(key))


@given(st.binary())
def test_base64url(octets: bytes) -> None:
    text = encode_base64url(octets)
    assert not set("+/=") & set(text)
    if octets:
        assert decode_base64url(text) == octets
