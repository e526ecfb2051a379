"""Signatures over RRsets: dnspython signs, and each limit is passed."""

import contextlib
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dns.dnssec
import dns.message
import dns.name
import dns.rdata
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from mailclad.engines.dns.dnssec.algorithms import (
    ALGORITHMS,
    MAX_EXPONENT_OCTETS,
    MAX_RSA_BITS,
    MIN_RSA_BITS,
    load_key,
)
from mailclad.engines.dns.dnssec.records import MAX_RRSIGS, RRset, read_dnskey, read_ds, read_rrset
from mailclad.engines.dns.dnssec.signatures import (
    MAX_CHECKS,
    MAX_CHECKS_OF_RRSET,
    MAX_KEYS,
    MAX_SAME_TAG,
    Bogus,
    Effort,
    Signed,
    Zone,
    load_keys,
    verify,
)
from mailclad.engines.dns.message import Kind, Unusable, make_question, read_reply
from tests.dns.signing import NOW, SINCE, UNTIL
from tests.engines.dns.replies import name_of

ZONE = name_of("example.test")
SIGNER = dns.name.from_text("example.test")
PRIVATE = ed25519.Ed25519PrivateKey.generate()
KEY = dns.dnssec.make_dnskey(PRIVATE.public_key(), "ED25519")


def zone_with(*records: bytes) -> Zone:
    keys = [read_dnskey(data) for data in records]
    return load_keys(ZONE, [key for key in keys if key is not None])


OURS = zone_with(KEY.to_wire() or b"")


def received(*rrsets: dns.rrset.RRset, owner: str, kind: Kind) -> RRset:
    """As it comes in a reply."""
    question = make_question(name_of(owner), kind)
    message = dns.message.make_response(dns.message.from_wire(question))
    message.answer = list(rrsets)
    reply = read_reply(message.to_wire(max_size=65535), question)
    found = read_rrset(reply, reply.answers, name_of(owner), kind)
    assert found is not None
    return found


def signed(
    owner: str, kind: str, *texts: str, since: int = SINCE, until: int = UNTIL, copies: int = 1
) -> RRset:
    rrset = dns.rrset.from_text(f"{owner}.", 300, "IN", kind, *texts)
    rrsig = dns.dnssec.sign(rrset, PRIVATE, SIGNER, KEY, inception=since, expiration=until)
    wrong = [rrsig.replace(signature=bytes([n]) + bytes(63)) for n in range(copies - 1)]
    signatures = [dns.rrset.from_rdata(rrset.name, 300, one) for one in [*wrong, rrsig]]
    return received(rrset, *signatures, owner=owner, kind=Kind[kind])


def check(rrset: RRset, zone: Zone = OURS, now: int = NOW) -> Signed:
    return verify(rrset, zone, now, Effort())


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("MX", ("20 B.Example.Test.", "10 a.example.test.", "5 .")),
        ("A", ("192.0.2.200", "192.0.2.3")),
        ("TXT", ('"b"', '"a" "longer"', '"a"')),
        ("CNAME", ("Mail.Example.TEST.",)),
        ("TLSA", ("3 1 1 " + "ab" * 32, "2 0 1 " + "01" * 32)),
    ],
)
def test_canonical_form_and_order(kind: str, texts: tuple[str, ...]) -> None:
    """RFC 4034 §6; dnspython signs it, and the reply is compressed."""
    assert check(signed("Mail.Example.Test", kind, *texts)) == Signed(300, None)


def test_a_wildcard_is_known_by_its_labels() -> None:
    rrset = dns.rrset.from_text("*.w.example.test.", 300, "IN", "A", "192.0.2.1")
    rrsig = dns.dnssec.sign(rrset, PRIVATE, SIGNER, KEY, inception=SINCE, expiration=UNTIL)
    for owner, encloser in [("a.b.w.example.test", "w.example.test"), ("*.w.example.test", None)]:
        name = dns.name.from_text(owner)
        found = received(
            dns.rrset.from_rdata(name, 300, rrset[0]),
            dns.rrset.from_rdata(name, 300, rrsig),
            owner=owner,
            kind=Kind.A,
        )
        assert check(found).encloser == (None if encloser is None else name_of(encloser))


@pytest.mark.parametrize(
    ("since", "until", "wrong"),
    [
        (NOW, NOW, None),
        (NOW + 1, NOW + 9, "holds only from"),
        (NOW - 9, NOW - 1, "expired"),
        (NOW - 9, (NOW + 2**31 - 1) % 2**32, None),
        (NOW - 9, (NOW + 2**31) % 2**32, "expired"),
    ],
)
def test_times_wrap(since: int, until: int, wrong: str | None) -> None:
    """RFC 4034 §3.1.5."""
    rrset = signed("example.test", "A", "192.0.2.1", since=since, until=until)
    if wrong is None:
        assert check(rrset).ttl == min(300, (until - NOW) % 2**32)
    else:
        with pytest.raises(Bogus, match=wrong):
            check(rrset)


def test_a_ttl_that_was_raised_on_the_way() -> None:
    """RFC 4035 §5.3.3: the one that was signed counts."""
    found = replace(signed("example.test", "A", "192.0.2.1"), ttl=9999)
    assert check(found).ttl == 300


def test_a_signature_that_runs_into_the_next_record() -> None:
    question = make_question(ZONE, Kind.A)
    address = b"\xc0\x0c" + struct.pack("!HHIH4s", Kind.A, 1, 60, 4, bytes(4))
    front = struct.pack("!HBBIIIH", Kind.A, 15, 2, 60, UNTIL, SINCE, 1)
    for signer in (b"", b"\7example"):
        data = front + signer
        rrsig = b"\xc0\x0c" + struct.pack("!HHIH", Kind.RRSIG, 1, 60, len(data)) + data
        header = question[:2] + struct.pack("!5H", 0x8180, 1, 3, 0, 0)
        octets = header + question[12:-11] + rrsig + address * 2
        reply = read_reply(octets, question)
        with pytest.raises(Unusable):
            read_rrset(reply, reply.answers, ZONE, Kind.A)


def test_time_past_2106() -> None:
    now = 2**32 + 50
    rrset = signed("example.test", "A", "192.0.2.1", since=2**32 - 100, until=150)
    assert check(rrset, now=now).ttl == 100


def swapped(data: bytes, times: int) -> bytes:
    """Another key with the same tag, which adds the words up."""
    at = 4 + 2 * times
    return data[:4] + data[at : at + 2] + data[6:at] + data[4:6] + data[at + 2 :]


def test_no_more_keys_of_one_tag_than_some() -> None:
    """CVE-2023-50387: each signature would be checked with each of them."""
    data = KEY.to_wire() or b""
    others = [swapped(data, times) for times in range(1, MAX_SAME_TAG + 1)]
    tags = {key.key_tag for key in map(read_dnskey, [data, *others]) if key is not None}
    assert len(tags) == 1
    zone = zone_with(*others[:-1], data)
    assert check(signed("example.test", "A", "192.0.2.1"), zone).ttl == 300
    with pytest.raises(Bogus, match=f"more than {MAX_SAME_TAG} keys with the same tag"):
        zone_with(*others, data)


def test_no_more_signatures_are_tried_than_some() -> None:
    assert check(signed("example.test", "A", "192.0.2.1", copies=MAX_CHECKS_OF_RRSET)).ttl == 300
    rrset = signed("example.test", "A", "192.0.2.1", copies=MAX_CHECKS_OF_RRSET + 1)
    effort = Effort()
    with pytest.raises(Bogus, match="too many signatures"):
        verify(rrset, OURS, NOW, effort)
    assert effort.checks == MAX_CHECKS_OF_RRSET


def test_keys_times_signatures() -> None:
    data = KEY.to_wire() or b""
    zone = zone_with(*[swapped(data, times) for times in range(1, MAX_SAME_TAG)], data)
    rrset = signed("example.test", "A", "192.0.2.1", copies=MAX_RRSIGS)
    effort = Effort()
    with pytest.raises(Bogus, match="too many signatures"):
        verify(rrset, zone, NOW, effort)
    assert effort.checks == MAX_CHECKS_OF_RRSET


def test_no_more_signatures_of_a_reply_than_some() -> None:
    rrset, effort = signed("example.test", "A", "192.0.2.1"), Effort()
    for _ in range(MAX_CHECKS):
        verify(rrset, OURS, NOW, effort)
    with pytest.raises(Bogus, match=f"more than {MAX_CHECKS} signatures"):
        verify(rrset, OURS, NOW, effort)


def test_no_more_signatures_are_read_than_some() -> None:
    rrset = signed("example.test", "A", "192.0.2.1", copies=MAX_RRSIGS + 1)
    assert len(rrset.signatures) == MAX_RRSIGS


def test_no_more_keys_than_some() -> None:
    key = read_dnskey(KEY.to_wire() or b"")
    assert key is not None
    with pytest.raises(Bogus, match=f"more than {MAX_KEYS} keys"):
        load_keys(ZONE, [key] * (MAX_KEYS + 1))


@pytest.mark.parametrize("flags", [0, 1, 0x0080, 0x0180, 0x0181])
def test_keys_that_are_none(flags: int) -> None:
    """Not for zones, or revoked (RFC 4034 §2.1.1, RFC 5011 §2.1)."""
    key = KEY.replace(flags=flags).to_wire() or b""
    assert read_dnskey(key) is None
    assert read_dnskey(KEY.replace(protocol=2).to_wire() or b"") is None


PRIVATES: dict[int, Callable[[], Any]] = {
    8: lambda: rsa.generate_private_key(65537, 1024),
    10: lambda: rsa.generate_private_key(3, 2048),
    13: lambda: ec.generate_private_key(ec.SECP256R1()),
    14: lambda: ec.generate_private_key(ec.SECP384R1()),
    15: ed25519.Ed25519PrivateKey.generate,
    16: ed448.Ed448PrivateKey.generate,
}


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm(algorithm: int) -> None:
    private = PRIVATES[algorithm]()
    key = dns.dnssec.make_dnskey(private.public_key(), algorithm)
    rrset = dns.rrset.from_text("example.test.", 300, "IN", "A", "192.0.2.1")
    rrsig = dns.dnssec.sign(rrset, private, SIGNER, key, inception=SINCE, expiration=UNTIL)
    zone = zone_with(key.to_wire() or b"")
    assert [one.key_tag for one in zone.keys] == [dns.dnssec.key_id(key)]
    half = len(rrsig.signature) // 2
    for signature, right in [
        (rrsig.signature, True),
        (rrsig.signature[:-1], False),
        (rrsig.signature + b"\0", False),
        (rrsig.signature[:half] + b"\0" + rrsig.signature[half:], False),
        (b"", False),
        (bytes(len(rrsig.signature)), False),
    ]:
        made = dns.rrset.from_rdata(rrset.name, 300, rrsig.replace(signature=signature))
        found = received(rrset, made, owner="example.test", kind=Kind.A)
        if right:
            assert check(found, zone).ttl == 300
        else:
            with pytest.raises(Bogus):
                check(found, zone)


def rsa_key(exponent: int, bits: int) -> bytes:
    octets = exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")
    modulus = (1 << bits - 1 | 1).to_bytes((bits + 7) // 8, "big")
    return bytes([len(octets)]) + octets + modulus


def test_sizes_of_rsa_keys() -> None:
    """RFC 3110 §2; large exponents make each check slow."""
    largest = (1 << 8 * MAX_EXPONENT_OCTETS) - 1
    for exponent, bits in [(65537, MIN_RSA_BITS), (3, MAX_RSA_BITS), (largest, 2048)]:
        assert load_key(8, rsa_key(exponent, bits)) is not None
    for exponent, bits in [(65537, MIN_RSA_BITS - 8), (3, MAX_RSA_BITS + 8), (largest + 2, 2048)]:
        assert load_key(8, rsa_key(exponent, bits)) is None


@given(st.sampled_from([*ALGORITHMS, 5, 99]), st.binary(max_size=80))
def test_no_octets_as_key_make_it_raise(algorithm: int, octets: bytes) -> None:
    load_key(algorithm, octets)


@given(st.binary(max_size=60))
def test_no_octets_as_records_make_it_raise(octets: bytes) -> None:
    for read in (read_ds, read_dnskey):
        with contextlib.suppress(Unusable):
            read(octets)


@given(st.binary(max_size=300))
def test_key_tags(octets: bytes) -> None:
    """As dnspython counts them."""
    data = b"\x01\x00\x03\x0f" + octets + b"\0"
    key = read_dnskey(data)
    assert key is not None
    theirs: Any = dns.rdata.from_wire("IN", "DNSKEY", data, 0, len(data))
    assert key.key_tag == dns.dnssec.key_id(theirs)
