"""A command slipped in before encryption: sent in one piece, and found by what is answered."""

import pytest

from mailclad.mail.endpoint import MailProtocol
from mailclad.protocols.probe.dialogue import Dialogue
from mailclad.protocols.probe.injection import is_obeyed, upgrade_with_a_command

SMTP, IMAP, POP3 = MailProtocol.SMTP, MailProtocol.IMAP, MailProtocol.POP3
SIEVE = MailProtocol.SIEVE


def test_it_goes_out_behind_starttls() -> None:
    assert upgrade_with_a_command(Dialogue(SMTP)) == b"STARTTLS\r\nNOOP\r\n"
    assert upgrade_with_a_command(Dialogue(IMAP)) == b"p1 STARTTLS\r\np1 NOOP\r\n"
    assert upgrade_with_a_command(Dialogue(POP3)) == b"STLS\r\nCAPA\r\n"
    assert upgrade_with_a_command(Dialogue(SIEVE)) == b"STARTTLS\r\nNOOP\r\n"


def test_what_is_awaited_is_the_answer_to_starttls() -> None:
    dialogue = Dialogue(POP3)
    upgrade_with_a_command(dialogue)
    answer = dialogue.receive(b"+OK go\r\n")
    assert answer is not None
    assert answer.positive


@pytest.mark.parametrize(
    ("protocol", "heard", "obeyed"),
    [
        (SMTP, b"221 bye\r\n", False),
        (SMTP, b"221-bye\r\n221 bye\r\n", False),
        (SMTP, b"", False),
        (SMTP, b"250 fine\r\n221 bye\r\n", True),
        (SMTP, b"250 fine\n221 bye\n", True),
        (MailProtocol.SUBMISSION, b"500 what?\r\n221 bye\r\n", True),
        (IMAP, b"* BYE bye\r\np1 OK bye\r\n", False),
        (IMAP, b"p1 OK done\r\n* BYE bye\r\np1 OK bye\r\n", True),
        (POP3, b"+OK bye\r\n", False),
        (POP3, b"+OK\r\nUIDL\r\n.\r\n+OK bye\r\n", True),
        (SIEVE, b'"SASL" "OK"\r\nOK\r\nOK "bye"\r\n', False),
        (SIEVE, b'"SASL" "PLAIN"\r\nOK\r\nOK "done"\r\nOK "bye"\r\n', True),
    ],
)
def test_one_answer_too_many_gives_it_away(
    protocol: MailProtocol, heard: bytes, obeyed: bool
) -> None:
    again = Dialogue(protocol).is_greeted_again
    assert is_obeyed(protocol, heard, greets_again=again) is obeyed
