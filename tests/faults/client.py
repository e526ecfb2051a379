"""A client that may say anything: bytes out, lines in, and the question whether it was cut off.

Knows just enough of each protocol to get to where it misbehaves.
"""

import contextlib
import socket
import ssl
import time
from types import TracebackType
from typing import Self

from tests.faults.serving import PASSWORD, House, address

SECONDS = 10.0
"""For every single thing that is waited for."""

GREETED_SECONDS = 1.0
"""However badly others behave."""

READER = "reader0"

_STARTTLS = {
    "imap": b"s STARTTLS\r\n",
    "pop3": b"STLS\r\n",
    "smtp": b"STARTTLS\r\n",
    "submission": b"STARTTLS\r\n",
}


class Client:
    """One connection; under implicit TLS the handshake is done and the greeting read.

    ``raw`` leaves both to the caller.  ``source`` is a loopback address: throttling counts
    by address, so tests that fail to log in take one of their own.
    """

    def __init__(
        self,
        house: House,
        service: str,
        tls: str = "implicit",
        *,
        raw: bool = False,
        source: str = "127.0.0.1",
    ) -> None:
        self.house, self.service, self.tls = house, service, tls
        place = ("127.0.0.1", house.ports[service, tls])
        self.socket = socket.create_connection(place, SECONDS, source_address=(source, 0))
        self._buffer = b""
        self.greeting = b""
        if not raw:
            if tls == "implicit":
                self.shake_hands()
            self.greeting = self.line()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    # --- bytes ---

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def send_as_far_as_possible(self, octets: bytes) -> None:
        """The server may have closed before it was all sent."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.send(octets)

    def line(self) -> bytes:
        """The next line with its end; what there is when the connection ends."""
        while b"\n" not in self._buffer:
            if not (more := self._receive()):
                break
            self._buffer += more
        line, end, self._buffer = self._buffer.partition(b"\n")
        return line + end

    def rest(self) -> bytes:
        """All that comes until the server closes; it must close."""
        while more := self._receive():
            self._buffer += more
        rest, self._buffer = self._buffer, b""
        return rest

    def is_silent(self) -> bool:
        """Whether nothing waits to be read at the moment."""
        self.socket.settimeout(0.05)
        try:
            self._buffer += self.socket.recv(65536)
        except TimeoutError:
            return not self._buffer
        finally:
            self.socket.settimeout(SECONDS)
        return False

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            raise AssertionError(f"nothing more came, and no end: {self._buffer!r}") from None
        except (ConnectionResetError, ssl.SSLEOFError):
            return b""

    def shake_hands(self) -> None:
        context = self.house.context()
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    # --- protocols ---

    def ask(self, command: bytes) -> bytes:
        """A command and its answer: the last line of an SMTP reply, else one line."""
        self.send(command + b"\r\n")
        line = self.line()
        while self.service not in ("imap", "pop3") and line[3:4] == b"-":
            line = self.line()
        return line

    def tagged(self, command: bytes) -> list[bytes]:
        """All lines of the answer to an IMAP command with its tag."""
        tag = command.partition(b" ")[0] + b" "
        lines = [self.ask(command)]
        while lines[-1] and not lines[-1].startswith(tag):
            lines.append(self.line())
        return lines

    def hello(self) -> Self:
        """EHLO or LHLO; nothing where there is none."""
        if self.service in ("smtp", "submission"):
            assert self.ask(b"EHLO there.test").startswith(b"250 ")
        elif self.service == "lmtp":
            assert self.ask(b"LHLO there.test").startswith(b"250 ")
        return self

    def start_tls(self) -> Self:
        reply = self.ask(_STARTTLS[self.service].rstrip())
        assert reply[:4] in (b"s OK", b"+OK ", b"220 "), reply
        self.shake_hands()
        return self

    def log_in(self, name: str = READER) -> Self:
        login = address(name).encode()
        password = PASSWORD.encode()
        if self.service == "imap":
            assert self.tagged(b'l LOGIN %b "%b"' % (login, password))[-1].startswith(b"l OK")
        else:
            assert self.ask(b"USER " + login).startswith(b"+OK")
            assert self.ask(b"PASS " + password).startswith(b"+OK")
        return self

    def append(self, box: bytes, octets: bytes) -> bytes:
        """The answer to an IMAP APPEND."""
        line = self.ask(b"a APPEND %b {%d}" % (box, len(octets)))
        if line.startswith(b"+"):
            self.send(octets + b"\r\n")
            while not (line := self.line()).startswith(b"a "):
                assert line, "the connection ended"
        return line

    def lives_on(self) -> None:
        """The connection is still good for something."""
        command, good = {"imap": (b"z NOOP", b"z OK"), "pop3": (b"CAPA", b"+OK")}.get(
            self.service, (b"NOOP", b"250 ")
        )
        answer = self.tagged(command)[-1] if self.service == "imap" else self.ask(command)
        assert answer.startswith(good), answer
        while self.service == "pop3" and self.line() != b".\r\n":
            pass

    def others_are_served(self) -> None:
        """Somebody else is greeted at once on the same port while this connection stands."""
        began = time.monotonic()
        with Client(self.house, self.service, self.tls) as other:
            assert other.greeting[:4] in (b"* OK", b"+OK ", b"220 ")
        assert time.monotonic() - began < GREETED_SECONDS


def starttls_bytes(service: str) -> bytes:
    return _STARTTLS[service]


def stored_in_inbox(house: House, name: str = READER) -> bytes:
    """Everything in somebody's INBOX, in one piece."""
    with Client(house, "imap") as client:
        client.log_in(name)
        client.tagged(b"s EXAMINE INBOX")
        return b"".join(client.tagged(b"f UID FETCH 1:* BODY.PEEK[]"))
