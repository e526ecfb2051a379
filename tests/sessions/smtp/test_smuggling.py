r"""Smuggled mail: no other idea of the end of data gets a second message in (CVE-2023-51764).

The verdict is what was kept and how many replies there were, never what a sender reports.
"""

import pytest

from mailclad.protocols.smtp.conversation import Role
from tests.sessions.smtp.talk import Talk

BEFORE = (
    b"HELO client.example\r\nMAIL FROM:<bob@elsewhere.example>\r\n"
    b"RCPT TO:<ada@example.org>\r\nDATA\r\n"
)
MESSAGE = b"From: bob@elsewhere.example\r\nSubject: outer\r\n\r\nouter body"
SMUGGLED = (
    b"MAIL FROM:<smuggled@elsewhere.example>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\n"
    b"From: smuggled@elsewhere.example\r\n\r\ninner\r\n.\r\n"
)
BARE = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\n.\r", b"\r\n.\n", b"\r\n.\r"]
BARE += [
    b"\r\n\0.\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\n.\r\n",
    b"\r\n.\r\0\n",
    b"\r\n\r.\r\n",
]


@pytest.mark.parametrize("end", BARE, ids=repr)
@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4, 5])
def test_a_false_end_is_not_obeyed(end: bytes, cut: int) -> None:
    """One refusal and the connection closes: not even the outer message is kept."""
    talk = Talk()
    assert talk.feed(BEFORE).endswith(b"only a dot ends it\r\n")
    sent = MESSAGE + end + SMUGGLED
    at = len(MESSAGE) + cut
    said = talk.feed(sent[:at]) + talk.feed(sent[at:])

    assert talk.store.kept == []
    assert [line[:9] for line in said.splitlines()] == [b"550 5.6.0"]
    assert talk.closed is not None
    assert talk.feed(b"NOOP\r\n") == b""


@pytest.mark.parametrize("end", BARE, ids=repr)
def test_a_client_that_means_it_as_the_end_gets_nothing_before_the_true_end(end: bytes) -> None:
    talk = Talk()
    talk.feed(BEFORE)

    assert talk.feed(MESSAGE + end) == b""
    assert talk.feed(b"\r\n.\r\n").startswith(b"550 5.6.0 ")
    assert talk.store.kept == []


def test_the_true_end_is_the_only_one() -> None:
    talk = Talk()
    talk.feed(BEFORE)
    said = talk.feed(MESSAGE + b"\r\n.\r\n" + SMUGGLED)

    assert [line[:3] for line in said.splitlines()] == [b"250", b"250", b"250", b"354", b"250"]
    assert len(talk.messages()) == 2


@pytest.mark.rfc("2920", "3.1")
def test_a_stranger_who_does_not_wait_for_354_is_sent_away() -> None:
    """No mail program does that: it is how smuggled mail and worms talk."""
    talk = Talk(strict=True)
    said = talk.feed(BEFORE + MESSAGE + b"\r\n.\r\n" + SMUGGLED)

    assert said.splitlines()[-1].startswith(b"554 5.5.1 ")
    assert b"354" not in said
    assert talk.closed is not None
    assert talk.store.kept == []


def test_a_stranger_who_waits_may_send_commands_in_groups() -> None:
    talk = Talk(strict=True)
    said = talk.feed(BEFORE) + talk.feed(MESSAGE + b"\r\n.\r\nQUIT\r\n")

    assert [line[:3] for line in said.splitlines()][-3:] == [b"354", b"250", b"221"]
    assert len(talk.messages()) == 1


def test_chunks_are_counted_and_never_normalised() -> None:
    """In BDAT dots and bare line ends are octets like others (RFC 3030 §2)."""
    content = MESSAGE + b"\n.\nMAIL FROM:<smuggled@elsewhere.example>\r\n.\r\n\r."
    talk = Talk()
    talk.feed(BEFORE.removesuffix(b"DATA\r\n"))
    said = talk.feed(b"BDAT %d LAST\r\n%b" % (len(content), content))

    assert said.startswith(b"250 ")
    assert talk.messages() == [content]


def test_a_payload_sent_behind_a_refused_data_is_not_a_conversation() -> None:
    """Without 354 there is no message: its lines are errors, and soon the connection closes."""
    talk = Talk()
    payload = b"From: bob@elsewhere.example\r\nSubject: x\r\n\r\nsome words\r\nand more\r\n.\r\n"
    said = talk.feed(b"HELO client.example\r\nDATA\r\n" + payload + SMUGGLED)

    assert said.count(b"354") == 0
    assert talk.store.kept == []
    assert talk.closed is not None


def test_starttls_with_something_behind_it_closes_without_a_word() -> None:
    for behind in (b"EHLO x\r\n", b"NO", b"AUTH PLAIN AGEAYg==\r\n", b"\0" * 65_536):
        talk = Talk(Role.SUBMISSION)
        assert talk.feed(b"EHLO client.example\r\n").endswith(b"250 HELP\r\n")
        assert talk.feed(b"STARTTLS\r\n" + behind) == b""
        assert talk.closed == "plaintext behind STARTTLS"


def test_plaintext_that_comes_a_little_later_is_never_obeyed() -> None:
    talk = Talk(Role.SUBMISSION)
    talk.feed(b"EHLO client.example\r\n")
    assert talk.feed(b"STARTTLS\r\n").startswith(b"220 ")
    assert talk.feed(b"NOOP\r\n") == b""
    assert talk.closed == "plaintext behind STARTTLS"
    talk.connection.tls_started()
    assert talk.feed(b"NOOP\r\n") == b""


def test_a_tls_handshake_where_starttls_is_spoken_closes_without_a_word() -> None:
    talk = Talk(Role.SUBMISSION)

    assert talk.feed(b"\x16\x03\x01\x02\x00\x01\x00") == b""
    assert talk.closed is not None
