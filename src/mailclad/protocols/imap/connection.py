"""The server's side of one IMAP connection, without the network (RFC 9051, 3501, 7888).

    bytes ──receive_data──▶ Framer ──▶ gate ──▶ parser ──next_event──▶ Command
    bytes ◀──data_to_send── out ◀── encode ◀──send / reply── Untagged, Reply

How it is used: hand in bytes, ask for events until there is none, write out what has
gathered.  A command is answered with ``reply`` before the next event comes; AUTHENTICATE
may be answered with ``challenge`` first (then comes AuthenticateResponse), IDLE with
``idle`` (then comes Done).  After LOGIN, SELECT and so on the caller sets ``state`` before
it calls ``reply``.

It trusts nothing that comes, never raises on it, and never repeats it in a text; what the
client got wrong is answered here and never becomes an event.  Nothing here awaits, sleeps,
logs or knows the time.  Limits: framing.py, gates.py, STRIKES.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mailclad.base.in_clear import InClear
from mailclad.base.octets import NewSpool
from mailclad.base.tls_policy import TlsFacts
from mailclad.protocols.imap import capabilities
from mailclad.protocols.imap.commands import (
    Append,
    Authenticate,
    AuthenticateResponse,
    Command,
    Done,
    Enable,
    Idle,
)
from mailclad.protocols.imap.framing import (
    AFTER_LOGIN,
    Announced,
    Continue,
    Frame,
    Framer,
    Overrun,
    Refused,
    Where,
)
from mailclad.protocols.imap.gates import (
    EXPECTED_COMMAND,
    GATES,
    NOT_PRIVATE,
    Head,
    State,
    literal_place,
    parse_head,
    refusal,
    sign_in_in_clear,
    speaks_http,
    tag_of,
)
from mailclad.protocols.imap.grammar import BASE64, Reader, SyntaxProblem
from mailclad.protocols.imap.parse import PARSERS
from mailclad.protocols.imap.responses import (
    CAPABILITY_CODE,
    Bye,
    CapabilityData,
    Condition,
    Notice,
    Reply,
    Untagged,
)

STRIKES = 3
"""Malformed or unknown commands that a stranger may send; the next one ends the connection.

A mail program makes none; a browser that was sent here makes one a line (ALPACA)."""

APPEND_OCTETS = 52_428_800
"""The largest message by default, 50 MiB; Gmail takes 25 MB, Exchange up to 150."""

_EXPECTED_DONE = Reply(Condition.BAD, "expected DONE")
_BEGIN_TLS = Reply(Condition.OK, "begin TLS now")


@dataclass(frozen=True, slots=True)
class Terms:
    """What all connections of a listener share.

    ``mechanisms``: the SASL mechanisms that may be used over this TLS (RFC 4422);
    ``starttls``: a certificate is ready, so TLS can be started here.
    """

    new_spool: NewSpool
    mechanisms: Callable[[TlsFacts | None], tuple[str, ...]]
    starttls: bool
    append_octets: int = APPEND_OCTETS


@dataclass(frozen=True, slots=True)
class UpgradeToTls:
    """Write out what there is to send, make the handshake, then call ``tls_started``."""


@dataclass(frozen=True, slots=True)
class Close:
    """Write out what there is to send, then close; ``why`` is for the log."""

    why: str


Event = Command | UpgradeToTls | Close


class _Mode(Enum):
    """What the next line is."""

    COMMAND = "a command"
    RESPONSE = "the answer to a challenge"
    IDLING = "DONE"
    UPGRADING = "nothing: TLS must start first"


class ServerConnection:
    """Octets of one client in, commands out; replies in, octets out."""

    __slots__ = (
        "_close", "_framer", "_mode", "_open", "_out", "_state", "_strikes", "_tag", "_terms",
        "enabled", "in_clear", "tls",
    )  # fmt: skip

    def __init__(self, terms: Terms, tls: TlsFacts | None = None) -> None:
        self.tls = tls
        self.enabled: frozenset[str] = frozenset()
        self.in_clear = InClear.NOTHING
        self._terms = terms
        self._state = State.NOT_AUTHENTICATED
        self._mode = _Mode.COMMAND
        self._open: Command | None = None  # the command that is being carried out
        self._tag = ""  # of AUTHENTICATE or IDLE, while a line belongs to it
        self._framer = Framer(self._admit, terms.new_spool)
        self._out: list[bytes] = []
        self._strikes = -1  # -1: not even a first line
        self._close: Close | None = None

    @property
    def state(self) -> State:
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state
        if state is not State.NOT_AUTHENTICATED:
            self._framer.limits = AFTER_LOGIN

    @property
    def rev2(self) -> bool:
        """Whether the client has enabled IMAP4rev2."""
        return "IMAP4REV2" in self.enabled

    @property
    def idling(self) -> bool:
        return self._mode is _Mode.IDLING

    def capabilities(self) -> tuple[str, ...]:
        """As they are now."""
        if self._state is not State.NOT_AUTHENTICATED:
            return capabilities.after_login(self._terms.append_octets)
        return capabilities.before_login(
            self._terms.mechanisms(self.tls),
            private=self.tls is not None,
            starttls=self._terms.starttls,
        )

    # --- in ----------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        if self._mode is _Mode.UPGRADING and data:
            self._end("plaintext behind STARTTLS")
        elif self._close is None and self._state is not State.LOGOUT:
            if self._strikes < 0 and self.tls is None and data[:1] == b"\x16":
                self._bye("this port begins without TLS: use STARTTLS", "TLS at once")
            else:
                self._framer.feed(data)

    def receive_eof(self) -> None:
        if self._close is None:
            self._close = Close("the client has closed the connection")

    def tls_started(self, facts: TlsFacts) -> None:
        """After ``UpgradeToTls``: as after the greeting, all forgotten (RFC 9051 §6.2.1)."""
        self.tls = facts
        self._framer.close()
        self._mode = _Mode.COMMAND
        self._strikes = -1

    def next_event(self) -> Event | None:
        """The next command that is well formed and due, or None: feed more bytes.

        While a command is not answered, there is no next one.  ``Close`` comes once.
        """
        while self._open is None and self._mode is not _Mode.UPGRADING:
            found = None if self._state is State.LOGOUT else self._framer.next()
            if found is None:
                break
            event = self._event(found)
            if event is not None:
                return event
        if self._open is None and self._close is not None:
            close, self._close, self._state = self._close, None, State.LOGOUT
            return close
        return None

    # --- out ---------------------------------------------------------------------

    def greet(self, text: str) -> None:
        self.send(Notice(Condition.OK, text, CAPABILITY_CODE))

    def send(self, response: Untagged) -> None:
        if isinstance(response, CapabilityData):
            response = CapabilityData(self.capabilities())
        elif isinstance(response, Notice) and response.code == CAPABILITY_CODE:
            response = Notice(response.condition, response.text, self._capability_code())
        self._out.append(response.encode(self.rev2))

    def send_raw(self, octets: bytes) -> None:
        """A piece of a response that is too long for one value."""
        self._out.append(octets)

    def reply(self, command: Command, reply: Reply) -> None:
        """End the command; the next event may come."""
        if reply.code == CAPABILITY_CODE:
            reply = Reply(reply.condition, reply.text, self._capability_code())
        self._out.append(reply.encode(command.tag))
        self._open, self._mode = None, _Mode.COMMAND
        if isinstance(command, Append):
            for message in command.messages:
                message.message.close()
        elif isinstance(command, Enable) and reply.condition is Condition.OK:
            self.enabled |= capabilities.ENABLED_BY_NAME.intersection(command.names)

    def challenge(self, command: Authenticate | AuthenticateResponse, data: bytes) -> None:
        """``+ base64``; the next event is the client's answer, under the same tag."""
        self._out.append(b"+ " + b64encode(data) + b"\r\n")
        self._open, self._mode = None, _Mode.RESPONSE
        self._tag = command.tag

    def idle(self, command: Idle) -> None:
        """``+ idling``; the next event is ``Done`` (RFC 9051 §6.3.13)."""
        self._out.append(b"+ idling\r\n")
        self._open, self._mode = None, _Mode.IDLING
        self._tag = command.tag

    def data_to_send(self) -> bytes:
        """Everything that has gathered, once."""
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return data

    def close(self) -> None:
        """Let go of what has been gathered; the connection is over."""
        self._framer.close()
        if isinstance(self._open, Append):
            for message in self._open.messages:
                message.message.close()

    # --- what was found ----------------------------------------------------------

    def _event(self, found: Frame | Refused | Continue | Overrun) -> Event | None:
        match found:
            case Continue():
                self._out.append(b"+ go ahead\r\n")
            case Overrun():
                self._bye("more was sent than can be taken", "too much in one command")
            case _ if self._mode is not _Mode.COMMAND:
                return self._continued(found)
            case Refused(start, reply):
                self._refuse(start, reply)
            case _:
                return self._command(found)
        return None

    def _continued(self, found: Frame | Refused) -> Command | None:
        """A line that belongs to AUTHENTICATE or IDLE."""
        line = found[0] if isinstance(found, tuple) else b"*"  # too long: as if given up
        assert isinstance(line, bytes)  # a frame begins with a line
        if self._mode is _Mode.RESPONSE:
            data = b64decode(line) if BASE64.fullmatch(line) else None
            return self._opened(AuthenticateResponse(self._tag, data))
        if line.upper() == b"DONE":
            return self._opened(Done(self._tag))
        self._mode = _Mode.COMMAND
        self._out.append(_EXPECTED_DONE.encode(self._tag))
        return None

    def _command(self, frame: Frame) -> Command | UpgradeToTls | None:
        line = frame[0]
        assert isinstance(line, bytes)  # a frame begins with a line
        head = parse_head(line)
        problem = self._check(head)
        if problem is not None:
            if problem is NOT_PRIVATE and head is not None:
                self.in_clear = max(self.in_clear, sign_in_in_clear(line, head))
            self._refuse(line, problem, head)
            return None
        assert head is not None  # _check has seen to it
        read = Reader(frame, head.end, rev2=self.rev2)
        try:
            if head.name == "STARTTLS":
                read.end()
                return self._starttls(head.tag)
            command = PARSERS[head.name](head.tag, read)
        except SyntaxProblem as broken:
            self._refuse(line, broken.reply, head)
            _close_spools(frame)
            return None
        self._strikes = max(self._strikes, 0)
        return self._opened(command)

    def _opened(self, command: Command) -> Command:
        if self.tls is None:
            self.in_clear = max(self.in_clear, InClear.TALKED)
        self._open, self._mode = command, _Mode.COMMAND
        return command

    def _starttls(self, tag: str) -> UpgradeToTls | None:
        if self._framer.buffered:
            self._end("plaintext behind STARTTLS")
            return None
        self._out.append(_BEGIN_TLS.encode(tag))
        self._mode = _Mode.UPGRADING
        return UpgradeToTls()

    # --- what is refused ---------------------------------------------------------

    def _admit(self, announced: Announced) -> Where | Reply:
        """Asked before a literal is taken."""
        if self._mode is not _Mode.COMMAND:
            return EXPECTED_COMMAND
        head = parse_head(announced.first_line)
        problem = self._check(head)
        if problem is not None:
            if problem is NOT_PRIVATE:
                tried = InClear.WANTED if announced.waits else InClear.SENT
                self.in_clear = max(self.in_clear, tried)
            return problem
        assert head is not None  # _check has seen to it
        return literal_place(head, announced, self._terms.append_octets)

    def _check(self, head: Head | None) -> Reply | None:
        """The gate: why a command may not come now."""
        tls = self.tls is not None
        return refusal(head, self._state, private=tls, starttls=self._terms.starttls)

    def _refuse(self, start: bytes, reply: Reply, head: Head | None = None) -> None:
        """Answer a command that never becomes an event; a stranger has few of them."""
        if self._strikes < 0 and speaks_http(start):
            self._bye("this is not a web server", "HTTP")
            return
        stranger = self._state is State.NOT_AUTHENTICATED
        if stranger and reply.condition is Condition.BAD:
            self._strikes = max(self._strikes, 0) + 1
            if self._strikes > STRIKES:
                self._bye("too many commands that are none", "not an IMAP client")
                return
        known = head is not None and head.name in GATES
        tag = head.tag if known and head else tag_of(start, stranger=stranger)
        self._out.append(reply.encode(tag))

    def _bye(self, text: str, why: str) -> None:
        self._out.append(Bye(text).encode(rev2=False))
        self._end(why)

    def _end(self, why: str) -> None:
        self._close = Close(why)
        self._framer.close()
        self._state = State.LOGOUT

    def _capability_code(self) -> str:
        return " ".join((CAPABILITY_CODE, *self.capabilities()))


def _close_spools(frame: Frame) -> None:
    for part in frame:
        if not isinstance(part, bytes):
            part.close()
