"""Whether a server obeys a command that was slipped in before encryption began.

RFC 3207 §6, RFC 9051 §6.2.1, RFC 5804 §2.2; CVE-2011-0411 and those that came after it.

A command without effect goes out in the same segment as STARTTLS.  Who is between a program and a
server can do that to anybody; a server must forget it.  Under TLS only the leave is said: if more
is answered than that, the server has taken the command for one of the encrypted conversation.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from mailclad.mail.endpoint import MailProtocol
from mailclad.protocols.probe.dialogue import Dialogue
from mailclad.protocols.probe.grammar import TAG, Question


def _lines(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"^" + pattern, re.MULTILINE | re.IGNORECASE)


_SMTP = _lines(rb"[2-5][0-9][0-9](?: .*)?$")

_ANSWERS: Mapping[MailProtocol, re.Pattern[bytes]] = MappingProxyType(
    {
        MailProtocol.SMTP: _SMTP,
        MailProtocol.SUBMISSION: _SMTP,
        MailProtocol.IMAP: _lines(TAG.encode() + rb" (?:OK|NO|BAD)\b"),
        MailProtocol.POP3: _lines(rb"(?:\+OK|-ERR)\b"),
        MailProtocol.SIEVE: _lines(rb"(?:OK|NO|BYE)\b"),
    }
)


def upgrade_with_a_command(dialogue: Dialogue) -> bytes:
    """STARTTLS and the command, for one segment; the answer to STARTTLS is awaited."""
    command = dialogue.ask(Question.NOTHING)
    return dialogue.ask(Question.UPGRADE) + command


def is_obeyed(protocol: MailProtocol, under_tls: bytes, *, greets_again: bool) -> bool:
    """By all that was said under TLS before and behind the leave."""
    found = _ANSWERS[protocol].findall(under_tls.replace(b"\r\n", b"\n"))
    return len(found) > 1 + greets_again
