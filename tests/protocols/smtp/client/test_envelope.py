"""MAIL and RCPT as they are written: the server's own grammar reads them back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address import Address, AddressProblem, parse_address
from mailclad.protocols.smtp.client.capabilities import Capabilities, parse_capabilities
from mailclad.protocols.smtp.client.envelope import (
    Envelope,
    mail_line,
    rcpt_line,
    unsendable,
    write_xtext,
    written,
)
from mailclad.protocols.smtp.client.outcome import STATUS_OF, Unsendable
from mailclad.protocols.smtp.command import Body, DeliverBy, Mail, Notify, Rcpt, Return
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.extensions import mail_parameters, rcpt_parameters
from mailclad.protocols.smtp.grammar import parse_mail, parse_rcpt
from mailclad.protocols.smtp.parameters import decode_xtext

ALL = parse_capabilities(("x", "SIZE 1000", "8BITMIME", "SMTPUTF8", "DSN", "REQUIRETLS"))
NONE = Capabilities()
ADDRESS = parse_address("a@example.org")
WIDE = parse_address("jörg@exämple.org")


def parsed_mail(line: bytes) -> Mail:
    assert line.endswith(b"\r\n")
    return parse_mail(line[:-2].decode().removeprefix("MAIL "), mail_parameters(Role.MX, True))


PRINTABLE = st.characters(codec="ascii", exclude_categories=["Cc"])
NOTIFY = [frozenset({Notify.NEVER}), frozenset({Notify.DELAY, Notify.FAILURE})]
MAILS = st.builds(
    Mail,
    st.sampled_from([None, ADDRESS, WIDE, Address('a "quoted" \\ one', "[192.0.2.1]")]),
    st.none() | st.integers(0, 1000),
    st.sampled_from([Body.SEVEN_BIT, Body.EIGHT_BIT]),
    st.just(True),
    st.none() | st.sampled_from(Return),
    st.none() | st.text(PRINTABLE, min_size=1, max_size=30),
)  # fmt: skip


@given(MAILS)
def test_mail_is_read_back(mail: Mail) -> None:
    assert parsed_mail(mail_line(Envelope(mail, ()), ALL)) == mail


@given(
    st.sampled_from([ADDRESS, WIDE, Address("a>b", "x.org"), Address("postmaster", "")]),
    st.none() | st.sampled_from(NOTIFY),
    st.none() | st.sampled_from(["rfc822;a+b=c@x.org", "utf-8;jörg@x.org"]),
)  # fmt: skip
def test_rcpt_is_read_back(
    path: Address, notify: frozenset[Notify] | None, old: str | None
) -> None:
    rcpt = Rcpt(path, notify, old)
    line = rcpt_line(rcpt, ALL, utf8=True)
    assert line is not None
    text = line[:-2].decode().removeprefix("RCPT ")
    read = parse_rcpt(text, rcpt_parameters(Role.MX, True), smtputf8=True)
    assert str(read.forward_path).lower() == str(path)
    assert (read.notify, read.original) == (notify, old)


def test_what_the_server_does_not_know_is_not_written() -> None:
    mail = Mail(ADDRESS, 10, Body.SEVEN_BIT, False, Return.FULL, "id")
    assert mail_line(Envelope(mail, ()), NONE) == b"MAIL FROM:<a@example.org>\r\n"
    rcpt = Rcpt(ADDRESS, frozenset({Notify.NEVER}), "rfc822;b@example.org")
    assert rcpt_line(rcpt, NONE, utf8=False) == b"RCPT TO:<a@example.org>\r\n"


@pytest.mark.rfc("2852", "4.1.4")
@pytest.mark.rfc("6710", "4.2")
def test_deadline_and_priority() -> None:
    able = parse_capabilities(("x", "DELIVERBY 30", "MT-PRIORITY"))
    for by, said in (
        (DeliverBy(30, True), b"BY=30;R"),
        (DeliverBy(0, False), b"BY=0;N"),
        (DeliverBy(-2_000_000_000, False), b"BY=-999999999;N"),
    ):
        envelope = Envelope(Mail(ADDRESS, by=by, priority=-4), ())
        line = b"MAIL FROM:<a@example.org> %b MT-PRIORITY=-4\r\n" % said
        assert mail_line(envelope, able) == line
        assert unsendable(envelope, able, encrypted=False) is None
        lacking = Unsendable.DELIVER_BY if by.give_up else None
        assert unsendable(envelope, NONE, encrypted=False) is lacking
        assert mail_line(envelope, NONE) == b"MAIL FROM:<a@example.org>\r\n"
    short = Envelope(Mail(ADDRESS, by=DeliverBy(29, True)), ())
    assert unsendable(short, able, encrypted=False) is Unsendable.DELIVER_BY


@pytest.mark.rfc("8689", "4.2.1")
def test_requiretls() -> None:
    envelope = Envelope(Mail(ADDRESS), (), require_tls=True)
    assert mail_line(envelope, ALL) == b"MAIL FROM:<a@example.org> REQUIRETLS\r\n"
    assert unsendable(envelope, ALL, encrypted=True) is None
    assert unsendable(envelope, ALL, encrypted=False) is Unsendable.REQUIRETLS
    assert unsendable(envelope, NONE, encrypted=True) is Unsendable.REQUIRETLS


@pytest.mark.parametrize(
    ("mail", "lacking"),
    [
        (Mail(ADDRESS, body=Body.EIGHT_BIT), Unsendable.EIGHT_BIT),
        (Mail(ADDRESS, body=Body.BINARY), Unsendable.BINARY),
        (Mail(ADDRESS, smtputf8=True), Unsendable.SMTPUTF8),
        (Mail(WIDE), Unsendable.SMTPUTF8),
        (Mail(Address("a\r\nDATA", "x")), Unsendable.SENDER),
        (Mail(Address("a", "exämple.org")), None),
        (Mail(None), None),
    ],
)
def test_what_a_plain_server_cannot_take(mail: Mail, lacking: Unsendable | None) -> None:
    assert unsendable(Envelope(mail, ()), NONE, encrypted=False) is lacking


def test_too_large() -> None:
    assert unsendable(Envelope(Mail(None, 1001), ()), ALL, encrypted=False) is Unsendable.TOO_LARGE
    assert unsendable(Envelope(Mail(None, 1000), ()), ALL, encrypted=False) is None
    assert set(STATUS_OF) == set(Unsendable)


@pytest.mark.rfc("6531", "3.2")
def test_a_domain_goes_as_a_labels_where_smtputf8_is_not() -> None:
    assert written(Address("a", "exämple.org"), utf8=False) == "a@xn--exmple-cua.org"
    assert written(Address("jörg", "x.org"), utf8=False) is None


@pytest.mark.parametrize(
    "address",
    [
        Address("a\r\nRCPT TO:<b", "x.org"), Address("a", "x.org>\r\nDATA\r\n"),
        Address("a", "x.org> SIZE=1"), Address("a", "[1.2.3"),
        Address("a" * 257, "x.org"), Address("other", ""), Address("a\ud800", "x.org"),
        Address("a\u2028b", "x.org"),
    ],
)  # fmt: skip
def test_no_address_carries_a_command(address: Address) -> None:
    """T-SM6 on the way out: values are not trusted either."""
    assert written(address, utf8=True) is None
    assert rcpt_line(Rcpt(address), ALL, utf8=True) is None


@given(st.text(max_size=70), st.text(max_size=70))
def test_what_is_written_is_one_line_of_one_address(local_part: str, domain: str) -> None:
    address = Address(local_part, domain)
    text = written(address, utf8=True)
    if text is not None and domain:
        assert text.isprintable()
        try:
            assert parse_address(text) == address
        except AddressProblem:
            pytest.fail("written but not readable")


@pytest.mark.rfc("3461", "4")
@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_xtext(text: str) -> None:
    assert decode_xtext(write_xtext(text)) == text
    assert set(write_xtext("a b=c\r\n+")) <= set("ab c+0123456789ABCDEF") - {" "}
