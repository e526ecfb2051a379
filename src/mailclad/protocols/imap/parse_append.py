"""APPEND (RFC 9051 §6.3.12), also of several messages at once (RFC 3502) and with octets
that hold NUL (``~{n}``, RFC 3516 §4.4).

In: a reader whose messages framing has put into spools; out: an ``Append``.
"""

from collections.abc import Callable, Mapping

from mailclad.protocols.imap.commands import Append, AppendMessage, Command
from mailclad.protocols.imap.flags import parse_flag_list
from mailclad.protocols.imap.grammar import Reader


def parse_append(tag: str, read: Reader) -> Append:
    """``APPEND mailbox 1*(SP [(flag ...) SP] [date-time SP] literal)``."""
    read.space()
    mailbox = read.mailbox()
    read.space()
    messages = [_message(read)]
    while read.take(b" "):
        messages.append(_message(read))
    read.end()
    return Append(tag, mailbox, tuple(messages))


def _message(read: Reader) -> AppendMessage:
    flags: tuple[str, ...] = ()
    internal_date = None
    if read.peek() == b"(":
        flags = parse_flag_list(read)
        read.space()
    if read.peek() == b'"':
        internal_date = read.date_time()
        read.space()
    return AppendMessage(read.message(), flags, internal_date)


PARSERS: Mapping[str, Callable[[str, Reader], Command]] = {"APPEND": parse_append}
