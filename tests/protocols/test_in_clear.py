"""Sign-ins without TLS: refused by every engine, and noted with whether something secret came."""

from collections.abc import Callable

import pytest

from mailclad.base.in_clear import InClear
from mailclad.protocols.imap.connection import ServerConnection as Imap
from mailclad.protocols.imap.connection import Terms
from mailclad.protocols.pop3.connection import ServerConnection as Pop3
from mailclad.protocols.smtp.connection import ServerConnection as Smtp
from mailclad.protocols.smtp.conversation import Role
from tests.protocols.imap.talk import MemorySpool
from tests.services.auth.fakes import TLS

NOTHING, TALKED, WANTED, SENT = InClear


def imap(octets: bytes, *, encrypted: bool = False) -> InClear:
    terms = Terms(MemorySpool, lambda _: (), starttls=True)
    connection = Imap(terms, TLS if encrypted else None)
    connection.receive_data(octets)
    while connection.next_event() is not None:
        pass
    return connection.in_clear


def pop3(octets: bytes, *, encrypted: bool = False) -> InClear:
    connection = Pop3(tls=TLS if encrypted else None, starttls=True)
    connection.receive_data(octets)
    while connection.next_event() is not None:
        pass
    return connection.in_clear


def smtp(octets: bytes, *, encrypted: bool = False, role: Role = Role.SUBMISSION) -> InClear:
    connection = Smtp(role, starttls=True, encrypted=encrypted)
    connection.receive_data(octets)
    while connection.next_event() is not None:
        pass
    return connection.in_clear


@pytest.mark.parametrize(
    ("engine", "octets", "noted"),
    [
        (imap, b"a CAPABILITY\r\n", TALKED),
        (imap, b"a ID NIL\r\n", TALKED),
        (imap, b"a LOGIN\r\n", WANTED),
        (imap, b"a LOGIN ada\r\n", WANTED),
        (imap, b"a LOGIN ada secret\r\n", SENT),
        (imap, b'a login "ada" "a secret"\r\n', SENT),
        (imap, b"a LOGIN {3}\r\n", WANTED),
        (imap, b"a LOGIN {3+}\r\nada {6+}\r\nsecret\r\n", SENT),
        (imap, b"a AUTHENTICATE PLAIN\r\n", WANTED),
        (imap, b"a AUTHENTICATE PLAIN AGFkYQBzZWNyZXQ=\r\n", SENT),
        (imap, b"a LOGIN ada\r\na LOGIN ada secret\r\na LOGIN\r\n", SENT),
        (imap, b"a LOGIN \xff\xfe\x00\r\n", WANTED),
        (pop3, b"CAPA\r\n", TALKED),
        (pop3, b"USER ada\r\n", WANTED),
        (pop3, b"USER ada\r\nPASS secret\r\n", SENT),
        (pop3, b"PASS\r\n", WANTED),
        (pop3, b"AUTH PLAIN\r\n", WANTED),
        (pop3, b"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n", SENT),
        (smtp, b"EHLO x\r\n", TALKED),
        (smtp, b"GET / HTTP/1.1\r\n", NOTHING),
        (smtp, b"STARTTLS\r\n", NOTHING),
        (pop3, b"STLS\r\n", NOTHING),
        (imap, b"a STARTTLS\r\n", NOTHING),
        (imap, b"\x16\x03\x01\x00\x05hello\r\n", NOTHING),
        (smtp, b"EHLO x\r\nAUTH PLAIN\r\n", TALKED),  # nothing is due before hello is answered
        (smtp, b"AUTH PLAIN\r\n", WANTED),
        (smtp, b"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n", SENT),
        (smtp, b"MAIL FROM:<ada@example.org>\r\n", WANTED),
    ],
)
def test_what_is_noted(engine: Callable[[bytes], InClear], octets: bytes, noted: InClear) -> None:
    assert engine(octets) is noted


@pytest.mark.parametrize(
    ("engine", "octets"),
    [
        (imap, b"a LOGIN ada secret\r\n"),
        (pop3, b"USER ada\r\n"),
        (smtp, b"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n"),
    ],
)
def test_under_tls_nothing_is_noted(engine: Callable[..., InClear], octets: bytes) -> None:
    assert engine(octets, encrypted=True) is NOTHING


def test_port_25_has_no_sign_in_to_note() -> None:
    assert smtp(b"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n", role=Role.MX) is NOTHING
