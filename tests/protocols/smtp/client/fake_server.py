"""A server in memory that answers by verb, and a caller that does what a shell does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mailclad.mail.address import parse_address
from mailclad.protocols.smtp.client.connection import ClientConnection
from mailclad.protocols.smtp.client.envelope import Envelope
from mailclad.protocols.smtp.client.event import Ended, Event, MessageDone, Ready, SendBody
from mailclad.protocols.smtp.client.outcome import MessageOutcome
from mailclad.protocols.smtp.command import Mail, Rcpt
from mailclad.protocols.smtp.data import DataReceiver

GREETING = b"220 mx.example.net ESMTP\r\n"
EHLO = b"250-mx.example.net\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"
PIPELINING = EHLO.replace(b"250-8BITMIME", b"250-PIPELINING\r\n250-8BITMIME")
USUAL = {
    "EHLO": EHLO,
    "HELO": b"250 mx.example.net\r\n",
    "STARTTLS": b"220 2.0.0 go\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go on\r\n",
    ".": b"250 2.0.0 taken\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}

Cut = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterable[bytes]:
    return (data,)


def by_octets(data: bytes) -> Iterable[bytes]:
    return (bytes((octet,)) for octet in data)


class HeldSpool:
    """A spool that is a list."""

    def __init__(self) -> None:
        self.held = b""

    @property
    def octets(self) -> int:
        return len(self.held)

    def write(self, data: bytes) -> None:
        self.held += data

    def view(self) -> bytes:
        return self.held

    def prepend(self, data: bytes) -> None:
        self.held = data + self.held

    def close(self) -> None:
        pass


@dataclass
class FakeServer:
    """``answers`` by verb, by whole line where that is given; "." is the end of a message."""

    answers: dict[str, bytes] = field(default_factory=dict)
    greeting: bytes = GREETING
    lines: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    _held: bytes = b""
    _spool: HeldSpool | None = None
    _receiver: DataReceiver | None = None

    def feed(self, data: bytes) -> bytes:
        replies = b""
        self._held += data
        while self._held:
            if self._receiver is not None:
                rest = self._receiver.feed(self._held)
                self._held = rest or b""
                if rest is None:
                    break
                assert self._receiver.problem is None
                assert self._spool is not None
                self.messages.append(self._spool.held)
                self._receiver = None
                replies += self._answer(".")
                continue
            line, found, rest = self._held.partition(b"\r\n")
            if not found:
                break
            self._held = rest
            replies += self._answer(line.decode())
        return replies

    def _answer(self, line: str) -> bytes:
        self.lines.append(line)
        verb = line.split(" ", 1)[0].upper()
        reply = (
            self.answers.get(line) or self.answers.get(verb) or USUAL.get(verb, b"500 what\r\n")
        )
        if reply.startswith(b"354"):
            self._spool = HeldSpool()
            self._receiver = DataReceiver(self._spool, 10**9)
        return reply


def envelope(*recipients: str, sender: str = "a@example.org", octets: int = 100) -> Envelope:
    return Envelope(
        Mail(parse_address(sender) if sender else None, octets),
        tuple(Rcpt(parse_address(one)) for one in recipients),
    )


def exchange(connection: ClientConnection, server: FakeServer, cut: Cut = whole) -> list[Event]:
    """Carry octets to and fro until nobody has anything to say; the events that came."""
    events: list[Event] = []
    while True:
        data = connection.data_to_send()
        replies = server.feed(data) if data else b""
        for piece in cut(replies):
            connection.receive_data(piece)
        while (event := connection.next_event()) is not None:
            events.append(event)
        if not data:
            return events


def opened(server: FakeServer, cut: Cut = whole, *, encrypted: bool = False) -> ClientConnection:
    """A connection that has been greeted and has said hello."""
    connection = ClientConnection("client.example.org", encrypted=encrypted)
    assert connection.data_to_send() == b""
    for piece in cut(server.greeting):
        connection.receive_data(piece)
    (event,) = exchange(connection, server, cut)
    assert isinstance(event, Ready)
    return connection


def deliver(
    connection: ClientConnection,
    server: FakeServer,
    what: Envelope,
    body: Sequence[bytes] = (b"Subject: x\r\n\r\nhi\r\n",),
    cut: Cut = whole,
) -> tuple[MessageOutcome, list[Event]]:
    """Send one message; its outcome, and the other events."""
    connection.send(what)
    events = exchange(connection, server, cut)
    if SendBody() in events:
        for piece in body:
            connection.send_body(piece)
        connection.end_body()
        events += exchange(connection, server, cut)
    (done,) = (event for event in events if isinstance(event, MessageDone))
    return done.outcome, [event for event in events if isinstance(event, Ended | Ready)]
