"""Mailbox names: levels apart by ``/``, NFC, INBOX in any case (RFC 9051 §5.1).

Comes in: a name as a client gave it, decoded.  Goes out: the one spelling that is stored,
or ``MailboxNameRefused`` with the reason.
"""

import re
import unicodedata

from mailclad.store.errors import MailboxNameRefused

SEPARATOR = "/"
INBOX = "INBOX"

NAME_OCTETS = 255
"""What one path component holds on most file systems, so that every export can keep it."""

NAME_LEVELS = 20
"""Programs draw trees; deeper ones are made by accident (Dovecot's own limit is 16 by default)."""

MAILBOXES_PER_ACCOUNT = 2_000
"""LIST and STATUS of all are answered from memory in one go."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def normalise(name: str) -> str:
    """The spelling under which a name is stored; nothing is refused here."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    first, separator, rest = name.partition(SEPARATOR)
    if first.upper() == INBOX:
        return INBOX + separator + rest
    return name


def check(name: str) -> None:
    """Refuse a name under which nothing may be made."""
    if len(name.encode(errors="replace")) > NAME_OCTETS:
        raise MailboxNameRefused(f"the name is longer than {NAME_OCTETS} octets")
    if _CONTROL.search(name):
        raise MailboxNameRefused("the name holds a control character")
    if not _encodes(name):
        raise MailboxNameRefused("the name holds half of a character")
    levels = name.split(SEPARATOR)
    if not all(levels):
        raise MailboxNameRefused("a level of the name is empty")
    if len(levels) > NAME_LEVELS:
        raise MailboxNameRefused(f"the name has more than {NAME_LEVELS} levels")


def _encodes(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def parents(name: str) -> list[str]:
    """The names above it, from the top."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:count]) for count in range(1, len(levels))]


def below(name: str) -> tuple[str, str]:
    """Names beneath it are ``>`` the first and ``<`` the second, by code point."""
    return name + SEPARATOR, name + chr(ord(SEPARATOR) + 1)
