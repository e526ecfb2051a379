"""From a frame to a command: one function a command, found by name in PARSERS.

Here are the commands of any state and of login; the rest is in ``parse_mailbox.py``,
``parse_append.py``, ``parse_message.py`` and ``parse_search.py``.  In: the tag and a reader
that stands behind the command's name; out: a command value, or ``SyntaxProblem``.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping

from mailclad.base.secret import Secret
from mailclad.protocols.imap import parse_append, parse_mailbox, parse_message, parse_search
from mailclad.protocols.imap.commands import (
    Authenticate,
    Capability,
    Check,
    Close,
    Command,
    Enable,
    Expunge,
    Id,
    Idle,
    Login,
    Logout,
    Namespace,
    Noop,
    Unselect,
)
from mailclad.protocols.imap.grammar import BASE64, Reader, SyntaxProblem

Parser = Callable[[str, Reader], Command]

ID_FIELDS = 30
"""RFC 2971 §3.3: no more than 30 pairs, names of at most 30 octets, values of 1,024."""
ID_NAME_OCTETS = 30
ID_VALUE_OCTETS = 1_024

LOGIN_OCTETS = 1_024
"""A user name or password; PRECIS profiles and password managers stay far below."""

_MECHANISM = re.compile(rb"[A-Za-z0-9_-]{1,20}")  # RFC 4422 §3.1
_INITIAL = re.compile(rb"=|" + BASE64.pattern)


def parse_authenticate(tag: str, read: Reader) -> Authenticate:
    """``AUTHENTICATE mechanism [initial-resp]``: RFC 9051 §6.2.2; ``=`` is an empty one."""
    read.space()
    mechanism = read.match(_MECHANISM, "a mechanism").group().decode("ascii").upper()
    initial = None
    if read.take(b" "):
        coded = read.match(_INITIAL, "base64").group()
        initial = b"" if coded == b"=" else b64decode(coded)
    read.end()
    return Authenticate(tag, mechanism, initial)


def parse_login(tag: str, read: Reader) -> Login:
    read.space()
    login = read.text()
    read.space()
    password = read.astring()
    read.end()
    if max(len(login), len(password)) > LOGIN_OCTETS:
        raise SyntaxProblem("the user name or password is too long")
    return Login(tag, login, Secret(password))


def parse_enable(tag: str, read: Reader) -> Enable:
    names = []
    while read.take(b" "):
        names.append(read.keyword())
    read.end()
    if not names:
        raise SyntaxProblem("expected a capability")
    return Enable(tag, tuple(names))


def parse_id(tag: str, read: Reader) -> Id:
    """``ID (field value ...)`` or ``ID NIL``: RFC 2971 §4."""
    read.space()
    fields: list[tuple[str, str | None]] = []
    if not read.take_word(b"NIL"):
        read.expect(b"(")
        while not read.take(b")"):
            if fields:
                read.space()
            fields.append(_id_field(read))
            if len(fields) > ID_FIELDS:
                raise SyntaxProblem("too many ID fields")
    read.end()
    return Id(tag, tuple(fields))


def _id_field(read: Reader) -> tuple[str, str | None]:
    name = read.string()
    read.space()
    value = read.nstring()
    if len(name) > ID_NAME_OCTETS or len(value or b"") > ID_VALUE_OCTETS:
        raise SyntaxProblem("the ID field is too long")
    return name.decode(errors="replace"), value if value is None else value.decode(
        errors="replace"
    )


def parse_expunge(tag: str, read: Reader) -> Expunge:
    read.end()
    return Expunge(tag, None)


def _bare(command: Callable[[str], Command]) -> Parser:
    def parse(tag: str, read: Reader) -> Command:
        read.end()
        return command(tag)

    return parse


PARSERS: Mapping[str, Parser] = {
    "CAPABILITY": _bare(Capability),
    "NOOP": _bare(Noop),
    "LOGOUT": _bare(Logout),
    "ID": parse_id,
    "AUTHENTICATE": parse_authenticate,
    "LOGIN": parse_login,
    "ENABLE": parse_enable,
    "NAMESPACE": _bare(Namespace),
    "IDLE": _bare(Idle),
    "CHECK": _bare(Check),
    "CLOSE": _bare(Close),
    "UNSELECT": _bare(Unselect),
    "EXPUNGE": parse_expunge,
    **parse_mailbox.PARSERS,
    **parse_append.PARSERS,
    **parse_message.PARSERS,
    **parse_search.PARSERS,
}
"""STARTTLS is not here: it makes no command (see ``connection``)."""
