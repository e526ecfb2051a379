"""What the engine itself does: TLS, foreign protocols, limits, broken answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.pop3 import commands
from mailclad.protocols.pop3.connection import (
    MISTAKES_AFTER_LOGIN,
    MISTAKES_BEFORE_LOGIN,
    Close,
    Event,
    ServerConnection,
    State,
    UpgradeToTls,
)
from mailclad.protocols.pop3.framing import COMMAND_OCTETS, DISCARDED_OCTETS, RESPONSE_OCTETS
from mailclad.protocols.pop3.responses import Begin, End, Piece, Reply
from tests.services.auth.fakes import TLS


def events(connection: ServerConnection, data: bytes) -> list[Event]:
    connection.receive_data(data)
    found = []
    while (event := connection.next_event()) is not None:
        found.append(event)
        if isinstance(event, UpgradeToTls):
            break
    return found


def inside() -> ServerConnection:
    connection = ServerConnection(tls=TLS, starttls=True)
    connection.state = State.TRANSACTION
    return connection


@pytest.mark.rfc("2595", "4")
@pytest.mark.parametrize(
    "behind", [b"CAPA\r\n", b"CA", b"\r\n", b"AUTH PLAIN AGEAYg==\r\n", b"\0"]
)
def test_plaintext_behind_stls_ends_the_connection(behind: bytes) -> None:
    """T-NS1: nothing that came in the clear is executed inside TLS."""
    connection = ServerConnection(tls=None, starttls=True)

    assert events(connection, b"STLS\r\n" + behind) == [Close("plaintext behind STLS")]
    assert connection.data_to_send() == b""


def test_what_comes_between_stls_and_tls_is_forgotten() -> None:
    connection = ServerConnection(tls=None, starttls=True)
    assert events(connection, b"STLS\r\n") == [UpgradeToTls()]
    assert events(connection, b"NO") == []

    connection.tls_started(TLS)

    assert connection.data_to_send() == b"+OK begin TLS\r\n"
    assert events(connection, b"OP\r\n") == []
    assert connection.data_to_send() == b"-ERR no such command\r\n"


def test_a_name_given_in_the_clear_is_forgotten() -> None:
    connection = ServerConnection(tls=None, starttls=True)
    connection.state = State.NAMED  # it cannot be; were it, TLS would start anew
    events(connection, b"STLS\r\n")
    connection.tls_started(TLS)

    assert connection.state is State.AUTHORIZATION


def test_no_stls_without_certificate() -> None:
    connection = ServerConnection(tls=None, starttls=False)

    assert events(connection, b"STLS\r\n") == []
    assert connection.data_to_send() == b"-ERR encryption is not ready here\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nUSER ada\r\n", b"POST /USER%20ada HTTP/1.0\r\n\r\n",
        b"get /", b"PRI * HTTP/2.0\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x01\x40\x00\x01" + bytes(COMMAND_OCTETS),
    ],
)  # fmt: skip
@pytest.mark.parametrize("tls", [None, TLS])
def test_another_protocol_is_closed_without_an_echo(said: bytes, tls: None) -> None:
    connection = ServerConnection(tls=tls, starttls=True)

    assert events(connection, said) == [Close("not POP3")]
    assert connection.data_to_send() == b""
    assert events(connection, b"CAPA\r\n") == []


def test_too_many_mistakes() -> None:
    before, after = ServerConnection(tls=TLS, starttls=True), inside()

    assert events(before, b"HELO\r\n" * (MISTAKES_BEFORE_LOGIN - 1)) == []
    assert events(before, b"HELO\r\nCAPA\r\n") == [Close("too many mistakes")]
    assert before.data_to_send().count(b"-ERR") == MISTAKES_BEFORE_LOGIN
    assert events(after, b"HELO\r\n" * (MISTAKES_AFTER_LOGIN - 1)) == []
    assert events(after, b"HELO\r\n") == [Close("too many mistakes")]


def test_a_line_that_is_too_long_is_a_mistake_and_one_without_end_is_the_end() -> None:
    connection = inside()

    assert events(connection, b"NOOP " + b"x" * 300 + b"\r\nNOOP\r\n") == [commands.Noop()]
    assert connection.data_to_send() == b"-ERR the line is too long\r\n"
    assert events(connection, b"x" * (DISCARDED_OCTETS + 1)) == [Close("a line without end")]


@pytest.mark.rfc("5034", "4")
def test_answers_to_challenges_may_be_longer_than_commands() -> None:
    connection = ServerConnection(tls=TLS, starttls=True)
    connection.state = State.AUTHENTICATING

    found = events(connection, b"AAAA" * (RESPONSE_OCTETS // 4 - 1) + b"\r\n")
    assert isinstance(found[0], commands.AuthResponse)
    assert found[0].data is not None
    assert events(connection, b"A" * RESPONSE_OCTETS + b"\r\n") == [
        commands.AuthResponse(None, "the line is too long")
    ]


def test_pipelined_commands_come_one_after_the_other() -> None:
    assert events(inside(), b"STAT\r\nlist 1\nQUIT\r\n") == [
        commands.Stat(), commands.List(1), commands.Quit(),
    ]  # fmt: skip


def test_a_broken_off_answer_has_no_end() -> None:
    connection = inside()
    connection.send(Begin("octets"))
    connection.send(Piece(b"half of"))
    connection.reply(Reply(False, "damaged"))

    assert connection.next_event() == Close("an answer broke off")
    assert connection.data_to_send() == b"+OK octets\r\nhalf of"


def test_a_whole_answer() -> None:
    connection = inside()
    for response in (Begin("octets"), Piece(b"a\r\n"), Piece(b".b"), End()):
        connection.send(response)

    assert connection.octets_to_send == len(b"+OK octets\r\na\r\n..b\r\n.\r\n")
    assert connection.data_to_send() == b"+OK octets\r\na\r\n..b\r\n.\r\n"
    assert connection.octets_to_send == 0


def test_the_end_of_file() -> None:
    connection = inside()
    connection.receive_data(b"DELE 1\r")
    connection.receive_eof()

    assert connection.next_event() == Close("the client closed the connection")
    assert connection.next_event() is None
    assert events(connection, b"NOOP\r\n") == []


@given(st.lists(st.binary(max_size=40), max_size=6), st.sampled_from(list(State)), st.booleans())
def test_no_bytes_make_the_engine_raise(said: list[bytes], state: State, tls: bool) -> None:
    connection = ServerConnection(tls=TLS if tls else None, starttls=True)
    connection.state = state
    for piece in said:
        events(connection, piece)
    for reply in connection.data_to_send().splitlines():
        assert reply.startswith((b"-ERR ", b"+OK "))
