"""APPEND, through the engine: its messages are spools."""

import pytest

from mailclad.protocols.imap.commands import Append
from mailclad.protocols.imap.gates import State
from tests.protocols.imap.talk import MemorySpool, Talk


def appended(sent: bytes) -> tuple[Append, list[bytes]]:
    talk = Talk(State.AUTHENTICATED)
    assert talk.feed(sent).endswith(b"a OK done\r\n")
    [command] = talk.commands
    assert isinstance(command, Append)
    return command, talk.messages


@pytest.mark.rfc("9051", "6.3.12")
def test_flags_and_date() -> None:
    sent = b'a APPEND x (\\seen $y) " 1-Jan-1970 00:01:00 +0000" {3}\r\nabc\r\n'

    command, messages = appended(sent)

    [message] = command.messages
    assert messages == [b"abc"]
    assert command.mailbox == "x"
    assert message.flags == ("\\Seen", "$y")
    assert message.internal_date == 60


def test_neither_flags_nor_date() -> None:
    command, messages = appended(b"a APPEND INBOX {0+}\r\n\r\n")

    assert messages == [b""]
    assert command.messages[0].flags == ()
    assert command.messages[0].internal_date is None


def test_the_mailbox_may_be_a_literal_too() -> None:
    command, messages = appended(b"a APPEND {3+}\r\nx y {2+}\r\nhi\r\n")

    assert command.mailbox == "x y"
    assert messages == [b"hi"]


@pytest.mark.rfc("3502", "6.3.11")
def test_several_messages() -> None:
    command, messages = appended(b"a APPEND x (a) {1+}\r\n1 (b) {1+}\r\n2 ~{2+}\r\n\0\0\r\n")

    assert messages == [b"1", b"2", b"\0\0"]
    assert [message.flags for message in command.messages] == [("a",), ("b",), ()]


@pytest.mark.parametrize(
    "sent",
    [b"APPEND x", b"APPEND x abc", b'APPEND x "abc"', b"APPEND {3+}\r\nabc", b"APPEND",
     b"APPEND x (\\Foo) {1+}\r\n1", b"APPEND x {1+}\r\n1{1+}\r\n1", b"APPEND x{1+}\r\n1",
     b"APPEND x UTF8 (~{1+}\r\n1)"],
)  # fmt: skip
def test_appends_that_are_none(sent: bytes) -> None:
    talk = Talk(State.AUTHENTICATED)

    assert talk.feed(b"a %b\r\nb NOOP\r\n" % sent).startswith(b"a BAD ")
    assert talk.commands[0].tag == "b"
    assert MemorySpool.open == 0


@pytest.mark.rfc("7889", "4")
def test_messages_are_bounded_together() -> None:
    talk = Talk(State.AUTHENTICATED)

    assert talk.feed(b"a APPEND x {100001}\r\n") == b"a NO [TOOBIG] the message is too large\r\n"
    said = talk.feed(b"b APPEND x {60000+}\r\n" + b"x" * 60_000 + b" {60000}\r\n")
    assert said == b"b NO [TOOBIG] the message is too large\r\n"
    assert MemorySpool.open == 0
    assert talk.feed(b"c APPEND x {100000}\r\n") == b"+ go ahead\r\n"
