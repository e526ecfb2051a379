"""The engine's door: what its caller can rely on."""

import pytest

from mailclad.protocols.smtp import reply
from mailclad.protocols.smtp.command import Close, EndOfData, Hello, Noop, UpgradeToTls
from mailclad.protocols.smtp.connection import ServerConnection
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.reply import OK, Reply


def started(role: Role = Role.MX) -> ServerConnection:
    connection = ServerConnection(role, starttls=True)
    connection.receive_data(b"EHLO client.example\r\n")
    hello = connection.next_event()
    assert isinstance(hello, Hello)
    connection.reply(hello, Reply(250, "", "mx"))
    return connection


@pytest.mark.parametrize(("role", "kind"), [(Role.MX, b"ESMTP"), (Role.LMTP, b"LMTP")])
def test_the_greeting_says_what_is_spoken_and_no_more(role: Role, kind: bytes) -> None:
    connection = ServerConnection(role)
    connection.greet("mx.example.org")
    assert connection.data_to_send() == b"220 mx.example.org " + kind + b"\r\n"


def test_bytes_are_handed_out_once() -> None:
    connection = started()
    assert connection.data_to_send() == b"250 mx\r\n"
    assert connection.data_to_send() == b""


def test_there_is_no_next_command_before_the_last_is_answered() -> None:
    connection = started()
    connection.receive_data(b"NOOP\r\nNOOP\r\n")
    first = connection.next_event()
    assert isinstance(first, Noop)
    assert connection.next_event() is None
    connection.reply(first, OK)
    assert isinstance(connection.next_event(), Noop)


def test_close_comes_once_and_nothing_after_it() -> None:
    connection = started()
    connection.close("enough")
    connection.close("too late to matter")
    assert connection.next_event() == Close("enough")
    connection.receive_data(b"NOOP\r\n")
    assert connection.next_event() is None


def test_a_farewell_is_said_once() -> None:
    connection = started()
    connection.data_to_send()
    connection.farewell(reply.TIMED_OUT)
    connection.farewell(reply.SHUTTING_DOWN)
    assert connection.data_to_send() == reply.TIMED_OUT.encode()
    assert isinstance(connection.next_event(), Close)


def test_where_a_handshake_is_due_nothing_is_said_in_the_clear() -> None:
    connection = started()
    connection.receive_data(b"STARTTLS\r\n")
    assert connection.next_event() == UpgradeToTls()
    connection.data_to_send()
    connection.farewell(reply.SHUTTING_DOWN)
    assert connection.data_to_send() == b""
    assert isinstance(connection.next_event(), Close)


def test_a_handshake_that_nobody_asked_for_changes_nothing() -> None:
    connection = started()
    connection.tls_started()
    connection.receive_data(b"NOOP\r\n")
    assert isinstance(connection.next_event(), Noop)


def test_it_tells_whether_a_message_is_on_its_way() -> None:
    connection = started()
    assert not connection.is_receiving
    connection.receive_data(b"BDAT 4\r\nabc")
    assert connection.next_event() is None
    assert connection.is_receiving
    connection.receive_data(b"d")
    assert connection.next_event() is None
    assert not connection.is_receiving


def test_a_client_that_closes_in_its_message_leaves_nothing() -> None:
    connection = started()
    connection.receive_data(b"BDAT 4\r\nabc")
    connection.close("the client closed")
    event = connection.next_event()
    assert isinstance(event, Close)
    assert not isinstance(event, EndOfData)
