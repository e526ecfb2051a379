"""TLSA records and certificates (RFC 6698, 7671, 7672)."""

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import Tlsa
from mailclad.mail.dane import (
    CERTIFICATES,
    PATHS,
    RECORDS,
    is_associated,
    judge_dane,
    public_key_info,
    usable,
)
from mailclad.mail.tls_verdict import Authentication, Failure, TlsVerdict
from mailclad.servers.tls import path_fault
from tests.certificates import Made, make

ROOT = make("root", authority=True)
MIDDLE = make("middle", issuer=ROOT, authority=True)
LEAF = make("leaf", ["mail.test"], MIDDLE)
OLD = make("old", ["mail.test"], MIDDLE, days=-3)
CLIENT = make("client", ["mail.test"], MIDDLE, purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
OTHER = make("other", authority=True)
NAMES = ["mail.test"]


def key(made: Made) -> bytes:
    public = made.certificate.public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def tlsa(usage: int, selector: int, matching: int, made: Made) -> Tlsa:
    data = made.der if selector == 0 else key(made)
    digest = {0: data, 1: hashlib.sha256(data).digest(), 2: hashlib.sha512(data).digest()}
    return Tlsa(usage, selector, matching, digest[matching])


def judged(made: Made, *records: Tlsa, names: list[str] = NAMES) -> TlsVerdict:
    return judge_dane(made.chain, records, names, path_fault)


@pytest.mark.rfc("6698", "2.1")
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_all_ways_to_name_a_certificate(selector: int, matching: int) -> None:
    record = tlsa(3, selector, matching, LEAF)
    assert is_associated(record, LEAF.der)
    assert not is_associated(record, OLD.der)
    verdict = judged(LEAF, tlsa(3, 1, 1, OTHER), record)
    assert verdict.authentication is Authentication.DANE_EE
    assert verdict.record == record
    assert judged(OLD, record).failure is Failure.TLSA_INVALID


@pytest.mark.rfc("7671", "5.1")
def test_dane_ee_ignores_names_dates_purposes_and_authorities() -> None:
    for made in (OLD, CLIENT, make("alone")):
        verdict = judged(made, tlsa(3, 1, 1, made), names=["elsewhere.test"])
        assert verdict.authentication is Authentication.DANE_EE


def test_dane_ee_is_about_the_first_certificate_alone() -> None:
    assert judged(LEAF, tlsa(3, 1, 1, MIDDLE)).failure is Failure.TLSA_INVALID


@pytest.mark.rfc("7671", "5.2")
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("anchor", [ROOT, MIDDLE])
def test_dane_ta(selector: int, matching: int, anchor: Made) -> None:
    verdict = judged(LEAF, tlsa(2, selector, matching, anchor))
    assert verdict.authentication is Authentication.DANE_TA
    assert verdict.failure is None


@pytest.mark.parametrize(
    ("made", "record", "failure"),
    [
        (LEAF, tlsa(2, 0, 1, OTHER), Failure.TLSA_INVALID),
        (LEAF, tlsa(2, 0, 0, OTHER), Failure.NOT_TRUSTED),
        (LEAF, tlsa(2, 1, 1, LEAF), Failure.TLSA_INVALID),
        (OLD, tlsa(2, 1, 1, ROOT), Failure.EXPIRED),
        (CLIENT, tlsa(2, 1, 1, ROOT), Failure.NOT_TRUSTED),
        (make("cn", [], MIDDLE), tlsa(2, 1, 1, ROOT), Failure.HOST_MISMATCH),
        (make("x", ["other.test"], MIDDLE), tlsa(2, 1, 1, ROOT), Failure.HOST_MISMATCH),
        (make("x", ["mail.test"], MIDDLE, sends=[ROOT]), tlsa(2, 1, 1, ROOT), Failure.NOT_TRUSTED),
        # Somebody else's leaf, with the authority's certificate sent along for show.
        (make("x", ["mail.test"], OTHER, sends=[ROOT]), tlsa(2, 1, 1, ROOT), Failure.NOT_TRUSTED),
        # A leaf that plays authority.
        (make("x", ["mail.test"], LEAF), tlsa(2, 1, 1, ROOT), Failure.NOT_TRUSTED),
    ],
)
def test_dane_ta_that_fails(made: Made, record: Tlsa, failure: Failure) -> None:
    assert judged(made, record).failure is failure


def test_an_anchor_that_is_only_in_the_record() -> None:
    made = make("x", ["mail.test"], ROOT, sends=[])
    assert judged(made, tlsa(2, 0, 0, ROOT)).failure is None
    assert judged(made, Tlsa(2, 0, 0, b"no certificate")).failure is Failure.NOT_TRUSTED


def test_one_good_record_is_enough() -> None:
    assert (
        judged(LEAF, tlsa(2, 1, 1, OTHER), tlsa(2, 0, 0, OTHER), tlsa(2, 0, 1, ROOT)).failure
        is None
    )


@pytest.mark.rfc("7672", "3.1.3")
@pytest.mark.parametrize(
    "record",
    [
        tlsa(0, 1, 1, ROOT), tlsa(1, 1, 1, LEAF), Tlsa(4, 1, 1, b"x" * 32),
        Tlsa(3, 2, 1, b"x" * 32), Tlsa(3, 1, 3, b"x" * 32), Tlsa(3, 1, 1, b"x" * 31),
        Tlsa(3, 1, 2, b"x" * 32), Tlsa(3, 1, 0, b""), Tlsa(255, 255, 255, b""),
    ],
)  # fmt: skip
def test_what_is_unusable(record: Tlsa) -> None:
    assert usable([record]) == ()
    assert judged(LEAF, record).failure is Failure.TLSA_INVALID


@pytest.mark.rfc("7671", "9")
def test_the_strongest_digest_decides() -> None:
    weak, strong = tlsa(3, 1, 1, LEAF), Tlsa(3, 1, 2, b"x" * 64)
    assert usable([weak, strong]) == (strong,)
    assert judged(LEAF, weak, strong).failure is Failure.TLSA_INVALID
    assert judged(LEAF, weak, Tlsa(3, 0, 2, b"x" * 64)).failure is None


def test_limits() -> None:
    many = [Tlsa(3, 1, 1, bytes(32))] * RECORDS
    assert judged(LEAF, *many, tlsa(3, 1, 1, LEAF)).failure is Failure.TLSA_INVALID
    assert judge_dane([], [tlsa(3, 1, 1, LEAF)], NAMES, path_fault).failure is Failure.VALIDATION
    far = make("x", ["mail.test"], ROOT, sends=[OTHER] * CERTIFICATES + [ROOT])
    assert judged(far, tlsa(2, 1, 1, ROOT)).failure is Failure.TLSA_INVALID
    asked = []
    records = [Tlsa(2, 0, 0, bytes((i,))) for i in range(PATHS + 5)]

    def path(chain: object, anchor: bytes) -> None:
        asked.append(anchor)

    judge_dane(make("x").chain, records, NAMES, path)
    assert len(asked) == PATHS


def test_the_key_as_it_stands_in_the_certificate() -> None:
    for made in (ROOT, MIDDLE, LEAF):
        assert public_key_info(made.der) == key(made)
    for end in range(len(LEAF.der)):
        assert public_key_info(LEAF.der[:end]) is None


def test_every_octet_spoiled() -> None:
    """Whatever a server sends, there is a verdict; only the certificate that is meant matches."""
    records = [tlsa(3, 0, 1, LEAF), tlsa(2, 0, 1, ROOT)]
    for place in range(len(LEAF.der)):
        bad = LEAF.der[:place] + bytes((LEAF.der[place] ^ 0x55,)) + LEAF.der[place + 1 :]
        verdict = judge_dane([bad, MIDDLE.der, ROOT.der], records, NAMES, path_fault)
        assert verdict.authentication is Authentication.NONE


@given(st.binary(max_size=60))
def test_any_octets_as_a_certificate(octets: bytes) -> None:
    found = public_key_info(octets)
    assert found is None or found in octets
    assert judge_dane([octets], [tlsa(3, 1, 1, LEAF)], NAMES, path_fault).failure is not None
