"""The end of a message, through a running server: inside TLS, logged in, in pieces, in chunks.

What ``test_bad_senders`` asks of 25 in the clear is asked here of the other doors.  The verdict is
what lies in the mailboxes and how many replies there were.
"""

import base64
import itertools
import random
from collections.abc import Callable

import pytest

from tests.faults.client import READER, Client, stored_in_inbox
from tests.faults.serving import PASSWORD, House, address
from tests.faults.test_bad_senders import ENDS

pytestmark = pytest.mark.slow

_numbers = itertools.count(1)
OURS = address(READER).encode()


def on_25_inside_tls(house: House) -> Client:
    return Client(house, "smtp", "starttls").hello().start_tls().hello()


def logged_in(house: House, tls: str = "implicit") -> Client:
    client = Client(house, "submission", tls).hello()
    if tls == "starttls":
        client.start_tls().hello()
    plain = base64.b64encode(b"\0" + OURS + b"\0" + PASSWORD.encode())
    assert client.ask(b"AUTH PLAIN " + plain).startswith(b"235 ")
    return client


def logged_in_on_587(house: House) -> Client:
    return logged_in(house, "starttls")


def on_25(house: House) -> Client:
    return Client(house, "smtp", "starttls").hello()


Door = Callable[[House], Client]
ENCRYPTED = [on_25_inside_tls, logged_in, logged_in_on_587]


def envelope(client: Client) -> None:
    assert client.ask(b"MAIL FROM:<%b>" % OURS).startswith(b"250 ")
    assert client.ask(b"RCPT TO:<%b>" % OURS).startswith(b"250 ")


def outer() -> tuple[bytes, bytes]:
    """A message with a subject that no other has, and that subject."""
    subject = b"outer number %d." % next(_numbers)
    return b"From: %b\r\nSubject: %b\r\n\r\nbody" % (OURS, subject), subject


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("door", ENCRYPTED)
def test_no_message_hides_in_another_inside_tls(house: House, door: Door, end: bytes) -> None:
    message, subject = outer()
    smuggled = (
        b"MAIL FROM:<%b>\r\nRCPT TO:<%b>\r\nDATA\r\n"
        b"From: %b\r\nSubject: inner %b\r\n\r\nx\r\n.\r\n" % (OURS, OURS, OURS, subject)
    )
    with door(house) as client:
        envelope(client)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send_as_far_as_possible(message + end + smuggled)
        answer = client.rest()
    assert answer.startswith(b"550 5.6.0"), answer
    assert answer.count(b"\n") == 1, "one message, one reply"
    assert subject not in stored_in_inbox(house)


@pytest.mark.parametrize("door", [on_25, *ENCRYPTED])
def test_the_same_octets_are_the_same_message_however_they_are_cut(
    house: House, door: Door
) -> None:
    """Lines of more than 998 octets, dots at every edge, 8-bit octets: not one more or less."""
    message, subject = outer()
    lines = (
        b"." * 3,
        b"x" * 997 + b".",
        b".",
        b"y" * 2_000,
        b".\xe9\xff",
        b"",
        b"." + b"z" * 4_095,
    )
    body = b"\r\n" + b"\r\n".join(lines) + b"\r\n"
    sent = message + body.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    chance = random.Random(7)
    for _ in range(3):
        with door(house) as client:
            envelope(client)
            assert client.ask(b"DATA").startswith(b"354 ")
            at = 0
            while at < len(sent):
                size = chance.choice((1, 2, 3, 500, 4_000))
                client.send(sent[at : at + size])
                at += size
            assert client.line().startswith(b"250 2.0.0")
            client.lives_on()
    stored = stored_in_inbox(house)
    assert stored.count(b"Subject: " + subject) == 3
    assert stored.count(message + body) == 3


@pytest.mark.parametrize("door", [on_25, *ENCRYPTED])
def test_three_pieces_make_one_end(house: House, door: Door) -> None:
    message, subject = outer()
    with door(house) as client:
        envelope(client)
        assert client.ask(b"DATA").startswith(b"354 ")
        for piece in (message + b"\r\n", b".", b"\r\n"):
            client.send(piece)
        assert client.line().startswith(b"250 ")
        client.lives_on()
    assert stored_in_inbox(house).count(subject) == 1


@pytest.mark.parametrize("door", [on_25, *ENCRYPTED])
def test_a_chunk_that_is_too_short_leaves_its_rest_as_commands(house: House, door: Door) -> None:
    """The octets behind the count are a command like any other, and none that is known."""
    message, subject = outer()
    with door(house) as client:
        envelope(client)
        client.send(b"BDAT %d LAST\r\n" % len(message) + message + b"tail\r\n")
        assert client.line().startswith(b"250 ")
        assert client.line().startswith(b"500 ")
        client.lives_on()
    stored = stored_in_inbox(house)
    assert stored.count(subject) == 1
    assert message + b"tail" not in stored


def test_a_chunk_that_is_too_long_takes_what_follows_as_text(house: House) -> None:
    message, subject = outer()
    inside = b"\r\nMAIL FROM:<smuggled@evil.test>\r\n"
    with on_25(house) as client:
        envelope(client)
        client.send(b"BDAT %d LAST\r\n" % len(message + inside) + message)
        assert client.is_silent()
        client.send(inside)
        assert client.line().startswith(b"250 ")
        client.lives_on()
    assert message + inside in stored_in_inbox(house)
    assert subject in message


def test_chunks_and_data_do_not_mix_and_a_last_chunk_may_be_empty(house: House) -> None:
    message, subject = outer()
    with on_25(house) as client:
        envelope(client)
        client.send(b"BDAT %d\r\n" % len(message) + message)
        assert client.line().startswith(b"250 ")
        assert client.ask(b"DATA").startswith(b"503 ")
        assert client.ask(b"BDAT 0 LAST").startswith(b"250 ")
    assert stored_in_inbox(house).count(subject) == 1


def test_a_chunk_that_is_too_large_is_refused_and_passed_over(house: House) -> None:
    with on_25(house) as client:
        envelope(client)
        client.send(b"BDAT 1000001 LAST\r\n" + b"NOOP\r\n" * 166_667)
        assert client.line().startswith(b"552 5.3.4")
        assert client.line() == b"", "what it was meant to be cannot be known"


@pytest.mark.parametrize("door", [on_25, *ENCRYPTED])
def test_a_payload_before_its_invitation_is_only_taken_when_it_was_invited(
    house: House, door: Door
) -> None:
    """Behind a DATA that is refused, a message's lines are commands, and bad ones."""
    message, subject = outer()
    with door(house) as client:
        client.send_as_far_as_possible(b"DATA\r\n" + message + b"\r\n.\r\nNOOP\r\n")
        answer = client.rest()
    assert answer.startswith(b"503 "), answer
    assert b"354" not in answer
    assert subject not in stored_in_inbox(house)


@pytest.mark.parametrize("nul", [b"a\0b", b"\0"])
@pytest.mark.parametrize("door", [on_25, *ENCRYPTED])
def test_octets_of_value_0(house: House, door: Door, nul: bytes) -> None:
    message, subject = outer()
    with door(house) as client:
        envelope(client)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send_as_far_as_possible(message + nul + b"\r\n.\r\n")
        assert client.rest().startswith(b"550 5.6.0")
    assert subject not in stored_in_inbox(house)


@pytest.mark.parametrize("login", [b"\0\0", b"\0\0x", b"\0reader0@example.test\0", b""])
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_nobody_is_logged_in_without_name_and_password(
    house: House, tls: str, login: bytes
) -> None:
    """The null user of old servers could relay."""
    with Client(house, "submission", tls, source="127.0.9.1") as client:
        client.hello()
        if tls == "starttls":
            client.start_tls().hello()
        answer = client.ask(b"AUTH PLAIN " + (base64.b64encode(login) or b"="))
        assert answer.startswith((b"535 ", b"501 ")), answer
        assert client.ask(b"MAIL FROM:<>").startswith(b"530 5.7.0")


SOMEBODY_ELSE = [
    (b"other@example.test", OURS),
    (b"root@example.test", OURS),
    (b"ceo@elsewhere.test", OURS),
    (OURS, b"other@example.test"),
    (OURS, OURS + b", other@example.test"),
    (OURS, b"other@example.test\r\nFrom: " + OURS),
    (OURS, b'"' + OURS + b'" <ceo@elsewhere.test>'),
    (OURS, b"other@example.test (\r\n " + OURS + b")"),
    (b"", b"other@example.test"),
]


@pytest.mark.parametrize(("sender", "author"), SOMEBODY_ELSE)
@pytest.mark.parametrize("door", [logged_in, logged_in_on_587])
def test_nobody_sends_as_somebody_else(
    house: House, door: Door, sender: bytes, author: bytes
) -> None:
    """T-AU8: neither in the envelope nor in From, however it is written."""
    _, subject = outer()
    with door(house) as client:
        answer = client.ask(b"MAIL FROM:<%b>" % sender)
        if sender in (OURS, b""):
            assert client.ask(b"RCPT TO:<%b>" % OURS).startswith(b"250 ")
            assert client.ask(b"DATA").startswith(b"354 ")
            client.send(b"From: %b\r\nSubject: %b\r\n\r\nx\r\n.\r\n" % (author, subject))
            answer = client.line()
        assert answer.startswith((b"553 5.7.1", b"550 5.")), answer
        client.lives_on()
    assert subject not in stored_in_inbox(house)


ODD_COMMANDS = [
    b"MAIL FROM:<%b> SIZE=%b" % (OURS, b"9" * 40),
    b"MAIL FROM:<%b> SIZE=-1" % OURS,
    b"MAIL FROM:<%b> SIZE=1 SIZE=2" % OURS,
    b"MAIL FROM:<%b> AUTH=<>\0" % OURS,
    b'MAIL FROM:<"a',
    b"MAIL FROM:<@a,@b:%b@elsewhere.test>" % OURS,
    b"MAIL FROM:<" + b"<" * 500 + OURS + b">" * 500,
]


@pytest.mark.parametrize("command", ODD_COMMANDS)
@pytest.mark.parametrize("door", [on_25, *ENCRYPTED])
def test_commands_that_are_none(house: House, door: Door, command: bytes) -> None:
    """T-SM6: a line is a command of its own, whatever quote was open in the one before."""
    with door(house) as client:
        assert client.ask(command).startswith(b"5")
        assert client.ask(b'DATA"@example.test>').startswith(b"5")
        assert client.ask(b"RCPT TO:<%b>" % OURS).startswith((b"503 ", b"530 "))
        client.lives_on()
