"""What a reply says about a name; dnspython makes the replies."""

import contextlib
import struct

import pytest
from dns.rcode import Rcode
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import Caa, Mx, Srv, Tlsa
from mailclad.engines.dns.answer import _READ, MAX_ALIASES, MAX_TTL, Reading, read_answer
from mailclad.engines.dns.message import Kind, Unusable, read_reply
from mailclad.engines.dns.name import write_name
from tests.engines.dns.replies import NAME, QUESTION, reply_octets


def read(octets: bytes, kind: Kind = Kind.MX) -> Reading:
    return read_answer(read_reply(octets, QUESTION), NAME, kind, MAX_ALIASES)


def read_one(kind: Kind, data: bytes) -> object:
    """Of a reply with one record that has these octets."""
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data
    header = QUESTION[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
    (found,) = read(header + QUESTION[12:35] + record, kind).records
    return found


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Kind.A, "A 192.0.2.1", "192.0.2.1"),
        (Kind.AAAA, "AAAA 2001:DB8:0:0::1", "2001:db8::1"),
        (Kind.MX, "MX 65535 Mx.Example.test.", Mx(65535, "mx.example.test")),
        (Kind.MX, "MX 0 .", Mx(0, "")),
        (Kind.TXT, 'TXT "a b" "" "\\255c"', b"a b\xffc"),
        (Kind.TXT, 'TXT ""', b""),
        (Kind.PTR, "PTR a\\010\\.b.test.", "a\\010\\.b.test"),
        (Kind.TLSA, "TLSA 3 1 0 00ff", Tlsa(3, 1, 0, b"\0\xff")),
        (Kind.TLSA, "TLSA 255 254 253 aa", Tlsa(255, 254, 253, b"\xaa")),
        (Kind.NS, "NS Ns1.example.test.", "ns1.example.test"),
        (Kind.CNAME, "CNAME Other.example.test.", "other.example.test"),
        (Kind.SRV, "SRV 1 65535 993 Mail.test.", Srv(1, 65535, 993, "mail.test")),
        (Kind.SRV, "SRV 0 0 0 .", Srv(0, 0, 0, "")),
        (Kind.CAA, 'CAA 128 Issue "ca.test; x=y"', Caa(128, "issue", b"ca.test; x=y")),
        (Kind.CAA, 'CAA 0 iodef ""', Caa(0, "iodef", b"")),
    ],
)
def test_each_type(kind: Kind, text: str, expected: object) -> None:
    assert read(reply_octets(f"mail.example.test. 60 IN {text}"), kind).records == (expected,)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.A, b"\1\2\3"),
        (Kind.A, b"\1\2\3\4\5"),
        (Kind.AAAA, b"x" * 15),
        (Kind.AAAA, b"x" * 17),
        (Kind.MX, b"\0\1"),
        (Kind.MX, b"\0\1\1a\0\0"),
        (Kind.MX, b"\0\1\1a"),
        (Kind.MX, b"\0\1\1a\xc0"),
        (Kind.TXT, b""),
        (Kind.TXT, b"\3ab"),
        (Kind.TXT, b"\1ab"),
        (Kind.PTR, b""),
        (Kind.PTR, b"\3ab\0"),
        (Kind.TLSA, b"\1\1"),
        (Kind.SRV, b"\0\1\0\1\0\1"),
        (Kind.SRV, b"\0\1\0\1\0\1\1a\0\0"),
        (Kind.CAA, b""),
        (Kind.CAA, b"\0\5"),
        (Kind.CAA, b"\0\0x"),
        (Kind.CAA, b"\0\5issu"),
        (Kind.CAA, b"\0\5is ue"),
    ],
)
def test_a_record_in_the_wrong_form_spoils_the_reply(kind: Kind, data: bytes) -> None:
    with pytest.raises(Unusable, match="wrong form"):
        read_one(kind, data)


def test_a_chain_in_one_reply() -> None:
    reading = read(
        reply_octets(
            "mail.example.test. 300 IN CNAME Other.example.test.",
            "other.example.test. 200 IN MX 10 mx.example.test.",
        )
    )
    assert reading.records == (Mx(10, "mx.example.test"),)
    assert (write_name(reading.name), reading.ttl, reading.aliases) == (
        "other.example.test",
        200,
        (NAME,),
    )


def test_equal_records_count_once() -> None:
    record = "mail.example.test. 60 IN MX 1 a.test."
    octets = reply_octets(record, record, "mail.example.test. 60 IN MX 1 A.test.")
    assert read(octets).records == (Mx(1, "a.test"),)


def test_no_answer_holds_for_longer_than_a_day() -> None:
    assert read(reply_octets("mail.example.test. 2147483647 IN MX 1 a.test.")).ttl == MAX_TTL


def nothing(octets: bytes) -> tuple[bool, int, bool]:
    reading = read(octets)
    assert reading.records == ()
    return reading.exists, reading.ttl, reading.unfinished


def test_nothing_there_in_all_its_shapes() -> None:
    """RFC 2308 §2.1, §2.2: with an SOA, without, behind a CNAME, of a zone not above."""
    alias = "mail.example.test. 300 IN CNAME other.example.org."
    gone = Rcode.NXDOMAIN
    assert nothing(reply_octets(soa="test.")) == (True, 500, False)
    assert nothing(reply_octets(soa="elsewhere.")) == (True, 0, False)
    assert nothing(reply_octets()) == (True, 0, False)
    assert nothing(reply_octets(rcode=gone, soa=".")) == (False, 500, False)
    assert nothing(reply_octets(alias, soa="example.org.")) == (True, 300, False)
    assert nothing(reply_octets(alias, rcode=gone)) == (False, 0, False)
    assert nothing(reply_octets(alias)) == (True, 300, True)


def test_records_of_a_name_that_does_not_exist_are_refused() -> None:
    octets = reply_octets("mail.example.test. 300 IN MX 1 a.test.", rcode=Rcode.NXDOMAIN)
    with pytest.raises(Unusable, match="does not exist"):
        read(octets)


def test_a_short_soa_spoils_the_reply() -> None:
    record = struct.pack("!BHHIH", 0, Kind.SOA, 1, 60, 4) + b"\0\0\0\1"
    header = QUESTION[:2] + struct.pack("!5H", 0x8180, 1, 0, 1, 0)
    with pytest.raises(Unusable, match="wrong form"):
        read(header + QUESTION[12:35] + record)


WHOLE = reply_octets(
    "mail.example.test. 300 IN CNAME other.example.test.",
    "other.example.test. 200 IN MX 10 mx.example.test.",
    "other.example.test. 200 IN TXT text",
    soa="test.",
)


def try_to_read(octets: bytes) -> None:
    """Nothing but Unusable may come out."""
    for kind in (Kind.MX, Kind.TXT):
        with contextlib.suppress(Unusable):
            read(octets, kind)


@pytest.mark.parametrize("octet", [0, 1, 0x3F, 0x40, 0x80, 0xC0, 0xC1, 0xFF])
def test_no_spoiled_octet_makes_it_raise(octet: int) -> None:
    for at in range(35, len(WHOLE)):
        try_to_read(WHOLE[:at] + bytes([octet]) + WHOLE[at + 1 :])
        try_to_read(WHOLE[:at])


@given(
    st.sampled_from(list(_READ)),
    st.binary(),
)
def test_no_data_in_any_type_makes_it_raise(kind: Kind, data: bytes) -> None:
    with contextlib.suppress(Unusable):
        read_one(kind, data)
