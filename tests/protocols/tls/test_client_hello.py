"""The first flight: read whole or in part, real or hostile, and never with an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.tls.client_hello import (
    MAX_HELLO_OCTETS,
    MAX_RECORDS,
    ClientHello,
    FirstBytes,
    NeedMore,
    NotClientHello,
    classify,
    read_client_hello,
)
from tests.protocols.tls.hellos import (
    extension,
    hello_message,
    real_hello,
    records,
    server_name,
    vector,
)

REAL = real_hello()


def read(flight: bytes) -> ClientHello:
    hello = read_client_hello(flight)
    assert isinstance(hello, ClientHello), hello
    return hello


def refused(flight: bytes) -> NotClientHello:
    found = read_client_hello(flight)
    assert isinstance(found, NotClientHello), found
    return found


def look_into(hello: ClientHello) -> tuple[object, ...]:
    return (
        hello.server_name,
        hello.alpn,
        hello.versions,
        hello.suites,
        hello.groups,
        hello.signature_algorithms,
        hello.offers_resumption,
    )


def test_a_real_client_is_understood() -> None:
    hello = read(REAL)
    assert hello.server_name == b"mail.test"
    assert hello.alpn == (b"imap",)
    assert hello.versions[:2] == (0x0304, 0x0303)
    assert 0x1301 in hello.suites
    assert 0x001D in hello.groups
    assert 0x0403 in hello.signature_algorithms
    assert not hello.offers_resumption


def test_what_is_absent_reads_as_nothing() -> None:
    hello = read(real_hello(name=None, alpn=()))
    assert hello.server_name is None
    assert hello.alpn == ()


def test_a_hello_without_extensions_is_tls_1_2() -> None:
    """RFC 5246 §7.4.1.2 allows the field to be missing."""
    hello = read(records(hello_message(None)))
    assert hello.versions == (0x0303,)
    assert hello.suites == (0x1301, 0xC02B)
    assert hello.session_id == b"sess"


@pytest.mark.rfc("8446", "5.1")
@pytest.mark.parametrize("octets", [5, 16, 100, 16384])
def test_records_may_be_cut_anywhere(octets: int) -> None:
    message = hello_message(server_name(b"mail.test") + extension(99, bytes(180)))
    assert read(records(message, octets)) == read(records(message))


def test_byte_by_byte_it_asks_for_more_until_it_is_whole() -> None:
    flight = records(REAL[5:], 40)
    looks = 0
    needed = 1
    for end in range(1, len(flight)):
        if end >= needed:
            found = read_client_hello(flight[:end])
            assert isinstance(found, NeedMore)
            assert end < found.octets <= len(flight)
            needed = found.octets
            looks += 1
    assert looks <= 2 * len(REAL) // 40 + 4, "twice a record: its header, its end"
    assert look_into(read(flight)) == look_into(read(REAL))


def test_what_follows_the_hello_is_not_looked_at() -> None:
    assert read(REAL + b"\x14\x03\x03\0\1\1") == read(REAL)


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (b"", FirstBytes.NOTHING),
        (b"\x16", FirstBytes.TLS),
        (b"\x15\x03\x01\0\2\2\x30", FirstBytes.TLS_ALERT),
        (b"\x80\x2e\x01\x00\x02", FirstBytes.SSL2),
        (b"GET / HTTP/1.1\r\n", FirstBytes.HTTP),
        (b"POST /x HTTP/1.1\r\n", FirstBytes.HTTP),
        (b"PRI * HTTP/2.0\r\n", FirstBytes.HTTP),
        (b"EHLO client.example\r\n", FirstBytes.TEXT),
        (b"a1 STARTTLS\r\n", FirstBytes.TEXT),
        (b"\0\0\0", FirstBytes.OTHER),
        (b"\x16\x02", FirstBytes.OTHER),
    ],
)
def test_first_bytes_get_a_name(octets: bytes, found: FirstBytes) -> None:
    assert classify(octets) is found
    result = read_client_hello(octets)
    if found in {FirstBytes.NOTHING, FirstBytes.TLS}:
        assert isinstance(result, NeedMore)
    else:
        assert isinstance(result, NotClientHello)
        assert result.found is found


def test_a_record_without_content_is_refused() -> None:
    """RFC 8446 §5.1: no empty fragments of handshake messages."""
    assert "empty" in refused(b"\x16\x03\x01\0\0" + REAL).reason


def test_another_handshake_message_is_refused_at_its_first_octet() -> None:
    assert "ClientHello" in refused(b"\x16\x03\x01\0\5\x02").reason


def test_an_alert_between_the_pieces_is_refused() -> None:
    cut = records(REAL[5:], 100)[:105]
    assert refused(cut + b"\x15\x03\x01\0\2\2\x30").reason == "not a TLS handshake"


def test_one_octet_beyond_the_limit_is_refused() -> None:
    fitting = MAX_HELLO_OCTETS - len(hello_message(extension(99, b""))) - 5
    assert 99 in read(records(hello_message(extension(99, bytes(fitting))))).extensions
    found = refused(records(hello_message(extension(99, bytes(fitting + 1)))))
    assert str(MAX_HELLO_OCTETS) in found.reason
    assert str(MAX_HELLO_OCTETS) in refused(b"\x16\x03\x01\1\0\1\xff\xff\xff" + bytes(252)).reason


def test_64_kib_of_extensions_are_refused_from_the_header_alone() -> None:
    flight = records(hello_message(extension(99, bytes(65000))))
    assert isinstance(read_client_hello(flight[:9]), NeedMore | NotClientHello)
    assert isinstance(read_client_hello(flight), NotClientHello)


def test_one_record_more_than_allowed_is_refused() -> None:
    message = hello_message(extension(99, bytes(MAX_RECORDS * 10 - 57)))
    assert len(message) == MAX_RECORDS * 10
    assert read(records(message, 10)).session_id == b"sess"
    longer = hello_message(extension(99, bytes(MAX_RECORDS * 10 - 56)))
    assert "records" in refused(records(longer, 10)).reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(34),
        bytes(34) + b"\xff",
        bytes(35) + b"\0\0\1\0",
        bytes(35) + b"\0\2\x13\1\0",
        hello_message(b"")[4:-2] + b"\0\5",
        hello_message(b"\0")[4:],
        hello_message(b"\0\0\0\5abc")[4:],
        hello_message(b"")[4:] + b"x",
    ],
)
def test_lengths_that_do_not_agree_are_refused(body: bytes) -> None:
    assert "lengths" in refused(records(b"\x01" + vector(3, body))).reason


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\0\3\0\0\0", b"\0\4\1\0\1a", b"\0\x09\0\0\1a", b"\xff\xff\0\0\1a"]
)
def test_a_server_name_that_cannot_be_read_is_absent(content: bytes) -> None:
    assert read(records(hello_message(extension(0, content)))).server_name is None


@pytest.mark.parametrize("content", [b"", b"\0\1\0", b"\0\3\5ab", b"\0\4\0\1aa"])
def test_an_alpn_list_with_an_empty_name_is_absent(content: bytes) -> None:
    assert b"" not in read(records(hello_message(extension(16, content)))).alpn


def test_a_thousand_labels_are_a_name_like_any_other() -> None:
    name = b"a." * 1000
    assert read(records(hello_message(server_name(name)))).server_name == name


@given(st.binary(max_size=600))
def test_no_octets_raise(octets: bytes) -> None:
    for flight in (octets, b"\x16\x03\x01" + octets, records(b"\x01" + vector(3, octets))):
        found = read_client_hello(flight)
        if isinstance(found, ClientHello):
            look_into(found)


def test_no_spoiled_octet_raises() -> None:
    for at in range(len(REAL)):
        for octet in (0, 0x80, 0xFF):
            found = read_client_hello(REAL[:at] + bytes((octet,)) + REAL[at + 1 :])
            if isinstance(found, ClientHello):
                look_into(found)
