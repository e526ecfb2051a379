"""Key records (RFC 6376 §3.6.1, RFC 8301, RFC 8463)."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dkim.outcome import Outcome, Unusable
from mailclad.mail.dkim.record import (
    LONGEST_RSA,
    MAX_EXPONENT_BITS,
    MAX_RECORD_OCTETS,
    is_key_record,
    parse_key,
)
from mailclad.mail.dkim.signing_key import public_record
from tests.mail.dkim.fake import ED25519, RSA, rsa_of, rsa_record

GOOD = public_record(RSA).encode()


def refused(record: bytes, service: bytes = b"email") -> tuple[Outcome, str]:
    with pytest.raises(Unusable) as caught:
        parse_key(record, service)
    return caught.value.outcome, caught.value.problem


def record_of(numbers: RSAPublicNumbers) -> bytes:
    octets = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"p=" + base64.b64encode(octets)


def test_both_kinds_and_both_encodings() -> None:
    assert parse_key(GOOD, b"email").bits == 2048
    assert parse_key(public_record(ED25519).encode(), b"email").kind == "ed25519"
    assert parse_key(rsa_record(rsa_of(1024), PublicFormat.PKCS1), b"email").bits == 1024


def test_flags() -> None:
    key = parse_key(GOOD + b"; t=x:Y : s", b"email")
    assert key.testing
    assert key.strict


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"v=DKIM1", b"v=DKIM2"), "version"),
        ((b"v=DKIM1", b"v=dkim1"), "version"),
        ((b"k=rsa", b"k=ec"), "kind"),
        ((b"k=rsa", b"k=ed25519"), "no Ed25519 key"),
        ((b"h=sha256", b"h=sha1"), "SHA-256"),
        ((b"k=rsa", b"s=tlsrpt"), "not for email"),
        ((b"p=", b"p=AAAA"), "no RSA key"),
        ((b"p=", b"p=*"), "cannot be read"),
        ((b"v=DKIM1", b"v=DKIM1; v=DKIM1"), "twice"),
    ],
)
def test_what_is_not_a_key_for_us(change: tuple[bytes, bytes], words: str) -> None:
    outcome, problem = refused(GOOD.replace(*change))
    assert outcome is Outcome.PERMERROR
    assert words in problem


def test_a_revoked_key() -> None:
    assert "revoked" in refused(b"v=DKIM1; p=")[1]


@pytest.mark.rfc("8460", "3")
def test_keys_for_a_service() -> None:
    for_reports = GOOD.replace(b"k=rsa", b"s=tlsrpt:other")
    assert parse_key(for_reports, b"tlsrpt").bits == 2048
    assert parse_key(GOOD, b"tlsrpt").bits == 2048
    assert "not for tlsrpt" in refused(GOOD + b"; s=email", b"tlsrpt")[1]


@pytest.mark.rfc("8301", "3.2")
@pytest.mark.parametrize("bits", [512, 1023])
def test_short_keys_do_not_count(bits: int) -> None:
    outcome, problem = refused(record_of(RSAPublicNumbers(65537, (1 << bits) - 1)))
    assert outcome is Outcome.POLICY
    assert f"{bits} bits" in problem


def test_a_stranger_cannot_make_us_calculate() -> None:
    modulus = (1 << 2048) - 1
    outcome, _ = refused(record_of(RSAPublicNumbers((1 << MAX_EXPONENT_BITS) + 1, modulus)))
    assert outcome is Outcome.POLICY
    assert parse_key(record_of(RSAPublicNumbers(3, modulus)), b"email").bits == 2048
    outcome, _ = refused(record_of(RSAPublicNumbers(65537, (1 << (LONGEST_RSA + 1)) - 1)))
    assert outcome is Outcome.POLICY


@pytest.mark.parametrize("private", [ec.generate_private_key(ec.SECP256R1()), None])
def test_other_keys_are_not_rsa(private: ec.EllipticCurvePrivateKey | None) -> None:
    public = (private or dsa.generate_private_key(1024)).public_key()
    octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert "no RSA key" in refused(b"p=" + base64.b64encode(octets))[1]


def test_a_record_has_a_limit() -> None:
    assert "longer" in refused(GOOD + b"; n=" + b"x" * MAX_RECORD_OCTETS)[1]


@pytest.mark.parametrize(
    ("record", "yes"),
    [
        (GOOD, True),
        (b"p=", True),
        (b"v=spf1 -all", False),
        (b"p=x; v=DKIM1", False),
        (b"\0", False),
    ],
)
def test_other_records_stand_at_the_name_too(record: bytes, yes: bool) -> None:
    assert is_key_record(record) is yes


@given(st.data())
def test_no_record_raises_anything_else(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(GOOD) - 1))
    cut = data.draw(st.integers(0, 5))
    record = GOOD[:place] + data.draw(st.binary(max_size=5)) + GOOD[place + cut :]
    try:
        key = parse_key(record, b"email")
    except Unusable:
        return
    assert key.kind == "rsa"
