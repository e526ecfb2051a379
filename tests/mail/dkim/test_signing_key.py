"""Private keys and what DNS says of them."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mailclad.base.secret import Secret
from mailclad.mail.dkim.record import parse_key
from mailclad.mail.dkim.signing_key import KeyProblem, SigningKey, load_key, public_record
from tests.mail.dkim.fake import ED25519, RSA, pem, rsa_of


@pytest.mark.parametrize(("key", "bits"), [(RSA, 2048), (ED25519, 256)])
def test_a_key_made_is_published_as_others_read_it(key: SigningKey, bits: int) -> None:
    published = parse_key(public_record(key).encode(), b"email")

    assert (published.kind, published.bits) == (key.kind, bits)
    assert published.verifies(key.sign(b"x" * 32), b"x" * 32)
    assert not published.verifies(key.sign(b"x" * 32), b"y" * 32)


def test_the_record_says_what_the_key_is_for() -> None:
    assert public_record(ED25519).startswith("v=DKIM1; k=ed25519; h=sha256; p=")
    assert len(public_record(ED25519)) < 255


def test_keys_that_cannot_be_used() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    other = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for octets, words in [
        (other, "only RSA and Ed25519"),
        (pem(rsa_of(1024)), "1024 bits"),
        (b"hello", "not a private key"),
        (b"", "not a private key"),
    ]:
        with pytest.raises(KeyProblem, match=words):
            load_key(Secret(octets), "example.org", "s")


def test_a_key_with_a_password_cannot_be_used() -> None:
    octets = rsa_of(1024).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    with pytest.raises(KeyProblem):
        load_key(Secret(octets), "example.org", "s")


def test_a_key_does_not_show_itself() -> None:
    assert "PrivateKey" not in repr(RSA)
