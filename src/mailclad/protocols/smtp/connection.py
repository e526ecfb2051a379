"""The server's side of one SMTP, submission or LMTP connection, without the network.

    bytes ──receive_data──▶ Inbox ──▶ gate ──▶ parser ──next_event──▶ Command
                              └──▶ DataReceiver, ChunkReceiver ──▶ Spool
    bytes ◀──data_to_send── out ◀── encode ◀── reply ── Reply

The caller hands in bytes, asks for events until there is none, answers each command with
``reply`` (or ``challenge``, or ``receive_message``), and writes out what has gathered; commands
that come together are answered together (PIPELINING, RFC 2920).  Whatever the client got wrong
is answered here and never becomes an event.  Nothing here awaits, sleeps, logs or knows the time.

RFC 5321, 6409, 2033, 2920, 3030, 3207, 4954, 6531.  Trusts nothing that comes in.  Holds at most
one line of ``Limits`` and the piece it was just given; messages go into the spool as they come.
Ends the connection, without a word where a reply could serve an attack: plaintext behind
STARTTLS, HTTP, a TLS handshake in the clear, more than ``Limits`` of errors.
"""

import re
from enum import Enum, auto

from mailclad.base.in_clear import InClear
from mailclad.base.octets import Spool
from mailclad.protocols.sasl.base64 import Base64Problem, decode_strict, encode
from mailclad.protocols.smtp import reply as replies
from mailclad.protocols.smtp.command import (
    AuthResponse,
    Chunk,
    Close,
    Command,
    Data,
    EndOfData,
    Event,
    Mail,
    Quit,
    Rcpt,
    UpgradeToTls,
    XClient,
)
from mailclad.protocols.smtp.conversation import Conversation, Role, State, Tally
from mailclad.protocols.smtp.data import ChunkDiscarder, ChunkReceiver, DataReceiver, Receiver
from mailclad.protocols.smtp.grammar import parse_line
from mailclad.protocols.smtp.inbox import EndlessLine, Inbox
from mailclad.protocols.smtp.limits import Limits
from mailclad.protocols.smtp.parameters import SyntaxProblem
from mailclad.protocols.smtp.reply import Reply
from mailclad.protocols.smtp.table import NOT_IMPLEMENTED, RULES, parse_chunk, refusal

_NOT_MAIL = re.compile(
    r"(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH|PRI) .*|[A-Za-z\-]+:(?: .*)?",
    re.IGNORECASE,
)
"""HTTP's verbs and header lines: a browser was sent here by somebody else (ALPACA)."""
_TLS_RECORD = b"\x16\x03"
_NO_MESSAGE = ChunkDiscarder(0)


class _Expect(Enum):
    COMMAND = auto()
    REPLY = auto()  # the last event has not been answered
    RESPONSE = auto()  # to an AUTH challenge
    MESSAGE = auto()
    HANDSHAKE = auto()
    NOTHING = auto()


_LINES = (_Expect.COMMAND, _Expect.RESPONSE)


class ServerConnection:
    """See the module.  ``encrypted`` is True where TLS stood before the first octet.

    ``strict``: who sends a message before 354 is sent away, as nobody's mail program does that;
    ``xclient``: the client may say for whom it speaks.
    """

    def __init__(
        self,
        role: Role,
        limits: Limits = Limits(),
        *,
        starttls: bool = False,
        encrypted: bool = False,
        strict: bool = False,
        xclient: bool = False,
    ) -> None:
        self._limits = limits
        self._strict = strict
        self._now = Conversation(role, encrypted, starttls, xclient)
        self._expect = _Expect.COMMAND
        self._inbox = Inbox(limits)
        self._receiver: Receiver = _NO_MESSAGE
        self._out: list[bytes] = []
        self._tally = Tally(limits)
        self._closing: str | None = None
        self.in_clear = InClear.NOTHING

    def receive_data(self, data: bytes) -> None:
        """Take what came; after ``Close`` it is thrown away."""
        if self._expect is _Expect.HANDSHAKE:
            self.close("plaintext behind STARTTLS")
        elif self._expect is not _Expect.NOTHING:
            self._inbox.add(data)

    def tls_started(self) -> None:
        """Forget all that was said in the clear (RFC 3207 §4.2)."""
        if self._expect is _Expect.HANDSHAKE:
            now = self._now
            self._now = Conversation(now.role, encrypted=True, starttls=False, xclient=now.xclient)
            self._expect = _Expect.COMMAND

    @property
    def is_receiving(self) -> bool:
        """Whether a message is on its way, which a stopping server lets come to its end."""
        return self._expect is _Expect.MESSAGE

    def next_event(self) -> Event | None:
        """The next command that is well formed and due, or None: feed more bytes."""
        event: Event | None
        while self._closing is None:
            if self._expect is _Expect.MESSAGE and (self._inbox or not self._receiver.due):
                event = self._message()
            elif self._expect in _LINES and (line := self._take_line()) is not None:
                event = self._command(line)
            else:
                break
            if event is not None:
                return event
        if self._closing is None or self._expect is _Expect.NOTHING:
            return None
        self._expect = _Expect.NOTHING
        self._inbox = Inbox(self._limits)
        return Close(self._closing)

    def greet(self, host_name: str) -> None:
        """The first line of the conversation (RFC 5321 §4.2)."""
        self._say(replies.greeting(host_name, lmtp=self._now.role is Role.LMTP))

    def reply(self, command: Command, *answers: Reply) -> None:
        """Answer a command: with one reply, after LMTP's data with one for each recipient."""
        if self._expect is _Expect.REPLY:
            self._expect = _Expect.COMMAND
        for answer in answers:
            self._say(answer)
        self._now.answered(command, answers[0])
        if isinstance(command, Chunk):
            self._discard(command)
        elif isinstance(command, Quit):
            self.close("QUIT")
        elif isinstance(command, XClient) and not answers[0].is_positive:
            self.close("a proxy's client was refused")  # nobody goes on as the proxy itself
        if self._tally.answered(command, answers[0]):
            self.farewell(replies.TOO_MANY_ERRORS)

    def challenge(self, data: bytes) -> None:
        """Ask for a further AUTH response (RFC 4954 §4)."""
        self._out.append(b"334 %b\r\n" % encode(data))
        self._expect = _Expect.RESPONSE

    def receive_message(self, command: Data | Chunk, spool: Spool) -> None:
        """Let the message, or its next chunk, come into the spool."""
        if isinstance(command, Chunk):
            binary, last = self._now.binary, command.last
            self._receiver = ChunkReceiver(spool, command.octets, last=last, binary=binary)
        elif self._strict and self._inbox:  # RFC 2920 §3.1: DATA is the last of a group
            self.farewell(replies.SPOKE_TOO_SOON)
        else:
            self._say(replies.SEND_MESSAGE)
            self._receiver = DataReceiver(spool, self._limits.message)
        self._expect = _Expect.MESSAGE

    def farewell(self, answer: Reply) -> None:
        """End the connection with a word, unless a handshake is due."""
        if self._closing is None and self._expect is not _Expect.HANDSHAKE:
            self._say(answer)
        self.close(answer.text)

    def close(self, reason: str) -> None:
        """End the connection when what was said so far is written; the first reason counts."""
        if self._closing is None:
            self._closing = reason

    def data_to_send(self) -> bytes:
        """Hand out what has gathered, once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _take_line(self) -> str | None:
        """The next line that is text; what is wrong with others is answered."""
        while self._closing is None:
            if self._now.state is State.START and self._inbox.starts_with(_TLS_RECORD):
                self.close("a TLS handshake where STARTTLS is spoken")
                break
            try:
                line = self._inbox.take_line(response=self._expect is _Expect.RESPONSE)
                if line is not None:
                    return parse_line(line)
            except EndlessLine as problem:
                self.farewell(problem.reply)
                continue
            except SyntaxProblem as problem:
                self._expect = _Expect.COMMAND  # an AUTH exchange ends with the first bad line
                self._refuse(problem.reply)
                continue
            return None
        return None

    def _command(self, text: str) -> Event | None:
        if self._expect is _Expect.RESPONSE:
            return self._response(text)
        verb, _, arguments = text.partition(" ")
        verb = verb.upper()
        rule = RULES.get(verb)
        if rule is None or (rule.proxies and not self._now.xclient):
            self._unknown(text, verb)
            return None
        answer = refusal(verb, rule, self._now)
        if answer is replies.TLS_FIRST:
            self.in_clear = max(self.in_clear, _sign_in_in_clear(verb, arguments))
        if verb == "BDAT":
            return self._chunk(arguments, answer)
        try:
            command = rule.parse(arguments, self._now) if answer is None else None
        except SyntaxProblem as problem:
            answer = problem.reply
            command = None
        if answer is not None:
            self._refuse(answer)
            return None
        if command is None:
            return self._start_tls()
        return self._admit(command)

    def _admit(self, command: Command) -> Command | None:
        """Hold a well-formed command against the limits."""
        if not self._now.encrypted:
            self.in_clear = max(self.in_clear, InClear.TALKED)
        if isinstance(command, Mail):
            if (command.octets or 0) > self._limits.message:
                self._refuse(replies.MESSAGE_TOO_LARGE)
                return None
            if self._tally.transaction():
                self.farewell(replies.TOO_MANY_TRANSACTIONS)
                return None
        elif isinstance(command, Rcpt) and self._now.recipients >= self._limits.recipients:
            self._say(replies.TOO_MANY_RECIPIENTS)  # no error: RFC 5321 §4.5.3.1.10
            return None
        self._expect = _Expect.REPLY
        return command

    def _unknown(self, text: str, verb: str) -> None:
        if _NOT_MAIL.fullmatch(text):
            self.close("HTTP where mail is spoken")
            return
        if verb in NOT_IMPLEMENTED:
            self._refuse(replies.NOT_OFFERED)
            return
        self._refuse(replies.UNKNOWN_COMMAND)
        if self._tally.unknown():
            self.farewell(replies.TOO_MANY_ERRORS)

    def _start_tls(self) -> UpgradeToTls | None:
        if self._inbox:
            self.close("plaintext behind STARTTLS")
            return None
        self._say(replies.START_TLS_NOW)
        self._expect = _Expect.HANDSHAKE
        return UpgradeToTls()

    def _response(self, text: str) -> AuthResponse | None:
        self._expect = _Expect.COMMAND
        if text == "*":
            self._refuse(replies.LOGIN_CANCELLED)
            return None
        try:
            response = decode_strict(text.encode())
        except Base64Problem:
            self._refuse(replies.NOT_BASE64)
            return None
        self._expect = _Expect.REPLY
        return AuthResponse(response)

    def _chunk(self, arguments: str, answer: Reply | None) -> Chunk | None:
        """BDAT: its octets follow in any case, so where they cannot be counted all ends."""
        command = parse_chunk(arguments)
        if command is None:
            self._refuse(Reply(501, "5.5.4", "Write BDAT and a number of octets"))
            self.close("BDAT that cannot be read")
            return None
        if answer is None and self._now.octets + command.octets > self._limits.message:
            answer = replies.MESSAGE_TOO_LARGE
            self._now.state = State.SPOILT
        if answer is None:
            self._now.octets += command.octets
            self._now.state = State.CHUNKS
            self._expect = _Expect.REPLY
            return command
        self._refuse(answer)
        self._discard(command)
        return None

    def _discard(self, command: Chunk) -> None:
        if command.octets > self._limits.message:
            self.close("BDAT of more octets than a message may have")
            return
        self._receiver = ChunkDiscarder(command.octets)
        self._expect = _Expect.MESSAGE

    def _message(self) -> EndOfData | None:
        receiver = self._receiver
        rest = receiver.feed(self._inbox.take_all())
        if rest is None:
            if receiver.overrun:
                self._refuse(replies.MESSAGE_TOO_LARGE)
                self.close("a message without end")
            return None
        self._inbox.add(rest)
        self._receiver = _NO_MESSAGE
        self._expect = _Expect.COMMAND
        if isinstance(receiver, ChunkDiscarder):
            return None
        last = receiver.last
        if not last and receiver.problem is None:
            self._say(replies.CHUNK_OK)
            return None
        self._expect = _Expect.REPLY
        return EndOfData(receiver.problem, last)

    def _say(self, answer: Reply) -> None:
        self._out.append(answer.encode())

    def _refuse(self, answer: Reply) -> None:
        self._say(answer)
        if self._tally.error():
            self.farewell(replies.TOO_MANY_ERRORS)


def _sign_in_in_clear(verb: str, arguments: str) -> InClear:
    """Whether AUTH came with its initial response; it is not looked at."""
    sent = verb == "AUTH" and len(arguments.split()) > 1
    return InClear.SENT if sent else InClear.WANTED
