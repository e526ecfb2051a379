"""Every limit, up to it and one past it."""

import pytest

from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.limits import Limits
from tests.sessions.smtp.talk import TLS, Talk

HELLO = b"HELO client.example\r\n"
MAIL = b"MAIL FROM:<bob@elsewhere.example>\r\n"
RCPT = b"RCPT TO:<ada@example.org>\r\n"


def codes(said: bytes) -> list[bytes]:
    return [line[:9] for line in said.splitlines()]


def test_a_command_may_be_so_long_and_no_longer() -> None:
    limits = Limits()
    talk = Talk()
    longest = b"NOOP " + b"x" * (limits.line - 6) + b"\r\n"
    assert codes(talk.feed(longest)) == [b"250 2.0.0"]
    assert codes(talk.feed(b"x" + longest)) == [b"500 5.5.2"]
    assert codes(talk.feed(b"NOOP\r\n")) == [b"250 2.0.0"]


def test_a_line_without_end_is_not_held() -> None:
    talk = Talk()
    for _ in range(6):
        assert talk.feed(b"x" * 10_000) == b""
        assert talk.connection._inbox._data == b""
    assert codes(talk.feed(b"\r\nNOOP\r\n")) == [b"500 5.5.2", b"250 2.0.0"]


def test_a_line_without_end_is_not_read_for_ever() -> None:
    talk = Talk()
    assert talk.feed(b"x" * Limits().endless) == b""
    assert codes(talk.feed(b"x")) == [b"500 5.5.2"]
    assert talk.closed is not None


def test_an_auth_line_may_be_longer() -> None:
    limits = Limits()
    talk = Talk(Role.SUBMISSION, tls=TLS)
    talk.feed(HELLO)
    fits = b"AUTH PLAIN " + b"A" * ((limits.auth_line - 12) // 4 * 4)
    assert codes(talk.feed(fits + b"\r\n")) == [b"501 5.5.2"]  # too many NULs for PLAIN
    too_long = b"AUTH PLAIN " + b"A" * limits.auth_line
    assert codes(talk.feed(too_long + b"\r\n")) == [b"500 5.5.6"]
    talk.feed(b"AUTH LOGIN\r\n")
    assert codes(talk.feed(b"A" * (limits.auth_line + 1) + b"\r\n")) == [b"500 5.5.6"]
    assert codes(talk.feed(b"NOOP\r\n")) == [b"250 2.0.0"]


def test_a_megabyte_of_auth_and_endless_answers_are_refused() -> None:
    talk = Talk(Role.SUBMISSION, tls=TLS)
    talk.feed(HELLO)
    assert codes(talk.feed(b"AUTH PLAIN " + b"A" * 1_000_000 + b"\r\n")) == [b"500 5.5.6"]
    assert talk.closed is not None
    talk = Talk(Role.SUBMISSION, tls=TLS)
    talk.feed(HELLO)
    for _ in range(30):
        talk.feed(b"AUTH LOGIN\r\n=\r\n")
    assert talk.closed is not None


def test_so_many_recipients_and_no_more() -> None:
    talk = Talk(limits=Limits(recipients=3))
    said = talk.feed(HELLO + MAIL + RCPT * 5)
    assert codes(said)[2:] == [b"250 2.1.5"] * 3 + [b"452 4.5.3"] * 2
    talk.feed(b"DATA\r\nx\r\n.\r\n")
    assert codes(talk.feed(MAIL + RCPT)) == [b"250 2.1.0", b"250 2.1.5"]


def test_so_many_messages_and_no_more() -> None:
    talk = Talk(limits=Limits(transactions=2))
    talk.feed(HELLO)
    for _ in range(2):
        assert codes(talk.feed(MAIL + b"RSET\r\n")) == [b"250 2.1.0", b"250 2.0.0"]
    assert codes(talk.feed(MAIL)) == [b"421 4.7.0"]
    assert talk.closed is not None


def test_so_many_errors_and_no_more() -> None:
    talk = Talk(limits=Limits(errors=5))
    talk.feed(HELLO + MAIL)
    nobody = b"RCPT TO:<nobody@example.org>\r\n"
    assert codes(talk.feed(nobody * 5)) == [b"550 5.1.1"] * 5
    assert codes(talk.feed(nobody + RCPT)) == [b"550 5.1.1", b"421 4.7.0"]
    assert talk.closed is not None


def test_an_accepted_message_wipes_the_errors_out() -> None:
    talk = Talk(limits=Limits(errors=2))
    talk.feed(HELLO)
    for _ in range(4):
        said = talk.feed(b"EXPN x\r\nEXPN y\r\n" + MAIL + RCPT + b"DATA\r\n.\r\n")
        assert codes(said)[-1] == b"250 2.0.0"


@pytest.mark.parametrize("more", [0, 1])
def test_a_message_may_have_so_many_octets_and_no_more(more: int) -> None:
    talk = Talk(limits=Limits(message=1_000))
    talk.feed(HELLO + MAIL + RCPT + b"DATA\r\n")
    said = talk.feed(b"x" * (998 + more) + b"\r\n.\r\nNOOP\r\n")

    assert codes(said) == [b"552 5.3.4" if more else b"250 2.0.0", b"250 2.0.0"]
    assert len(talk.store.kept) == 1 - more


def test_doubled_dots_do_not_count() -> None:
    talk = Talk(limits=Limits(message=1_000))
    talk.feed(HELLO + MAIL + RCPT + b"DATA\r\n")

    assert codes(talk.feed(b"..\r\n" * 333 + b".\r\n")) == [b"250 2.0.0"]


def test_a_refused_message_is_not_read_for_ever() -> None:
    talk = Talk(limits=Limits(message=10_000))
    talk.feed(HELLO + MAIL + RCPT + b"DATA\r\n")
    for _ in range(29):
        assert talk.feed(b"x" * 1_000) == b""
    assert talk.closed is None
    assert codes(talk.feed(b"x" * 2_000)) == [b"552 5.3.4"]
    assert talk.closed is not None


def test_chunks_are_added_up_and_refused_before_they_are_read() -> None:
    talk = Talk(limits=Limits(message=1_000))
    talk.feed(HELLO + MAIL + RCPT)
    assert codes(talk.feed(b"BDAT 600\r\n" + b"x" * 600)) == [b"250 2.0.0"]
    assert codes(talk.feed(b"BDAT 401 LAST\r\n")) == [b"552 5.3.4"]
    assert talk.feed(b"x" * 400) == b""
    assert codes(talk.feed(b"xNOOP\r\n")) == [b"250 2.0.0"]
    refused = [b"503 5.5.1", b"503 5.5.1", b"250 2.0.0", b"250 2.1.0"]
    assert codes(talk.feed(b"BDAT 2 LAST\r\nxx" + MAIL + b"RSET\r\n" + MAIL)) == refused
    assert talk.store.kept == []


def test_a_chunk_larger_than_any_message_ends_it() -> None:
    talk = Talk(limits=Limits(message=1_000))
    talk.feed(HELLO + MAIL + RCPT)
    assert codes(talk.feed(b"BDAT 99999999999999999999\r\nNOOP\r\n")) == [b"552 5.3.4"]
    assert talk.closed is not None


def test_a_long_line_is_kept_as_it_is() -> None:
    """Longer than 998 octets is against RFC 5322 §2.1.1 and yet somebody's mail."""
    talk = Talk()
    talk.feed(HELLO + MAIL + RCPT + b"DATA\r\n")
    line = b"\r\n" + b"x" * 200_000
    assert codes(talk.feed(line + b"\r\n.\r\n")) == [b"250 2.0.0"]
    assert talk.messages() == [line + b"\r\n"]
