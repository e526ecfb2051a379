"""The client's side of one SMTP connection, without the network.

    bytes ──receive_data──▶ ReplyReader ──▶ what was asked ──▶ Transaction ──next_event──▶ Event
    bytes ◀──data_to_send── out ◀── start_tls, log_in, send, send_body, end_body, quit

It greets by itself: after the server's 220 and after each handshake it says EHLO (HELO where
that is refused) and tells ``Ready``.  Then the caller asks for one thing at a time and feeds
bytes until the event that answers it.  Where the server has PIPELINING, an envelope goes out
together (RFC 2920), at most ``WINDOW`` commands ahead of their replies.  Nothing here awaits,
sleeps, logs or knows the time.

RFC 5321, 1870, 2920, 3207, 3461, 4954, 6152, 6531, 8689, 9422.  Trusts nothing that comes in:
a reply that nobody asked for, octets in the clear behind the 220 of STARTTLS (RFC 3207 §6) and
whatever is no reply end the connection, and what was unfinished is deferred.  A password is
never written before TLS.  Holds one reply within the limits of :mod:`server_reply`, and what
was said and not yet fetched.
"""

import re
from collections import deque
from dataclasses import replace

from mailclad.protocols.smtp.client import outcome
from mailclad.protocols.smtp.client.capabilities import Capabilities, parse_capabilities
from mailclad.protocols.smtp.client.dots import NulOctet
from mailclad.protocols.smtp.client.envelope import Envelope
from mailclad.protocols.smtp.client.event import (
    Ended,
    Event,
    LoggedIn,
    LoginRefused,
    MessageDone,
    Ready,
    SendBody,
    StartTlsRefused,
)
from mailclad.protocols.smtp.client.login import (
    Login,
    Mechanism,
    choose,
    first_line,
    next_line,
)
from mailclad.protocols.smtp.client.outcome import Fate, Stage, Unsendable, Verdict
from mailclad.protocols.smtp.client.server_reply import ReplyProblem, ReplyReader, ServerReply
from mailclad.protocols.smtp.client.transaction import (
    State,
    Step,
    Transaction,
    refused_here,
    refused_unsent,
)
from mailclad.protocols.smtp.command import UpgradeToTls

WINDOW = 50
"""Commands ahead of their replies: their replies (25 KB as RFC 5321 limits them) fit into the
buffers of both sides, so that neither waits for the other to read."""

_HELLO_NAME = re.compile(r"[!-~]{1,255}")


# Longer than other classes: it has a door of a few lines for each thing one can ask for.
class ClientConnection:
    """See the module.  ``encrypted`` is True where TLS stood before the first octet.

    ``replies`` counts those that came whole: a server that trickles makes no progress.
    """

    def __init__(self, hello_name: str, *, encrypted: bool = False) -> None:
        if _HELLO_NAME.fullmatch(hello_name) is None:
            raise ValueError("the name for EHLO is a host name or an IP address in brackets")
        self._hello_name = hello_name
        self._encrypted = encrypted
        self._can = Capabilities()
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._events: deque[Event] = deque()
        self._due: deque[Step] = deque([(Stage.GREETING, 0)])
        self._transaction: Transaction | None = None
        self._mechanism: Mechanism | None = None
        self._shaking = False  # between the 220 of STARTTLS and tls_started
        self._untidy = False  # RSET must come before the next MAIL
        self.ended: Ended | None = None
        self.replies = 0

    # --- what the shell hands in ---

    def receive_data(self, data: bytes) -> None:
        """Take what came; after ``Ended`` it is thrown away."""
        if self.ended is not None or not data:
            return
        if self._shaking:
            self.fail("the server spoke in the clear where the TLS handshake was due", "4.7.0")
            return
        self._reader.feed(data)
        try:
            while self.ended is None and (reply := self._reader.next_reply()) is not None:
                self._take(reply)
        except ReplyProblem as problem:
            self.fail(str(problem), "4.5.0")
        self._go_on()

    def receive_eof(self) -> None:
        """The server has closed its side."""
        if self.waiting_for is Stage.QUIT:
            self._end(None)
        self.fail("the server closed the connection")

    def tls_started(self, *, say_hello: bool = True) -> None:
        """Go on under TLS: forget all that the server said in the clear (RFC 3207 §4.2).

        Without hello there is only QUIT: the server is not the one it should be (§4.1).
        """
        assert self._shaking, "a handshake comes after UpgradeToTls"
        self._shaking = False
        self._encrypted = True
        self._can = Capabilities()
        if say_hello:
            self._ask(Stage.HELLO, f"EHLO {self._hello_name}\r\n".encode())

    def fail(self, text: str, status: str = "4.4.2") -> None:
        """End the connection for a reason of ours: time is up, the socket or TLS broke."""
        between = Stage.STARTTLS if self._shaking else Stage.IDLE
        stage = self.waiting_for or (Stage.MESSAGE if self._transaction else between)
        if stage is Stage.MESSAGE and self._transaction is not None and self._due:
            text += "; the message may have arrived nevertheless"
        self._end(outcome.ours(Fate.DEFERRED, status, text, stage))

    # --- what the caller asks for ---

    def start_tls(self) -> None:
        """Answered by UpgradeToTls or StartTlsRefused."""
        self._check_idle()
        self._ask(Stage.STARTTLS, b"STARTTLS\r\n")

    def log_in(self, login: Login) -> None:
        """Answered by LoggedIn or LoginRefused; without TLS nothing is written."""
        self._check_idle()
        mechanism = choose(login, self._can.mechanisms)
        if not self._encrypted or mechanism is None:
            why = "the server offers no log-in that we have (PLAIN, LOGIN)"
            text = why if self._encrypted else "a password is not sent without TLS"
            verdict = outcome.ours(Fate.DEFERRED, "4.7.0", text, Stage.AUTH)
            self._events.append(LoginRefused(verdict))
            return
        self._mechanism = mechanism
        self._ask(Stage.AUTH, first_line(mechanism))

    def send(self, envelope: Envelope) -> None:
        """Answered by MessageDone, before which SendBody may come."""
        if self.ended is not None:
            verdict = self.ended.problem or _CLOSED
            self._events.append(MessageDone(refused_unsent(envelope, verdict)))
            return
        self._check_idle()
        refused = refused_here(envelope, self._can, encrypted=self._encrypted)
        if refused is not None:
            self._events.append(MessageDone(refused))
            return
        self._transaction = Transaction(envelope, self._can)
        if self._untidy:
            self._untidy = False
            self._ask(Stage.RSET, b"RSET\r\n")
        self._go_on()

    def send_body(self, piece: bytes) -> None:
        """The next octets of the message; any size."""
        transaction = self._transaction
        if transaction is None or transaction.state is not State.BODY:
            return  # it was answered before its end: MessageDone is waiting
        try:
            self._out.append(transaction.stuffer.feed(piece))
        except NulOctet as problem:
            transaction.give_up(Unsendable.NUL)
            self.fail(str(problem), "4.6.0")

    def end_body(self) -> None:
        """All of the message was handed over."""
        transaction = self._transaction
        if transaction is not None and transaction.state is State.BODY:
            transaction.state = State.SENT
            self._ask(Stage.MESSAGE, transaction.stuffer.finish())

    def quit(self) -> None:
        """Answered by Ended."""
        if self.ended is None:
            self._check_idle()
            self._ask(Stage.QUIT, b"QUIT\r\n")

    # --- what comes out ---

    @property
    def waiting_for(self) -> Stage | None:
        """Whose reply is due next; None: none."""
        return self._due[0][0] if self._due else None

    @property
    def is_idle(self) -> bool:
        """Whether something new may be asked for."""
        return not (self._due or self._transaction or self._shaking or self.ended)

    @property
    def is_taking_body(self) -> bool:
        """Whether the message is still wanted: not where it was answered before its end."""
        return self._transaction is not None and self._transaction.state is State.BODY

    def next_event(self) -> Event | None:
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> bytes:
        """Hand out what has gathered, once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    # --- replies ---

    def _take(self, reply: ServerReply) -> None:
        self.replies += 1
        if not self._due:
            self._unbidden(reply)
            return
        stage, index = self._due.popleft()
        if stage is Stage.QUIT:
            self._end(None)
        elif reply.code == 421:  # RFC 5321 §3.8: the server closes, whatever was asked
            self._end(outcome.judged(reply, stage))
        elif stage in (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.MESSAGE):
            self._take_in_transaction((stage, index), reply)
        else:
            self._take_outside(stage, index, reply)

    def _take_outside(self, stage: Stage, index: int, reply: ServerReply) -> None:
        if stage is Stage.AUTH:
            self._take_login(reply)
        elif stage is Stage.STARTTLS and reply.is_refusal:
            self._events.append(StartTlsRefused(reply))
        elif stage is Stage.HELLO and not index and reply.code >= 500:
            self._ask(Stage.HELLO, f"HELO {self._hello_name}\r\n".encode(), 1)
        elif not reply.is_positive:
            self._end_unexpectedly(reply, stage)
        elif stage is Stage.GREETING:
            self._ask(Stage.HELLO, f"EHLO {self._hello_name}\r\n".encode())
        elif stage is Stage.HELLO:
            self._can = Capabilities() if index else parse_capabilities(reply.lines)
            self._events.append(Ready(self._can))
        elif stage is Stage.STARTTLS:
            self._upgrade(reply)

    def _upgrade(self, reply: ServerReply) -> None:
        if reply.code != 220 or not self._reader.is_empty:
            text = "the server did not consent to STARTTLS by 220 and nothing behind it"
            self._end(outcome.ours(Fate.DEFERRED, "4.7.0", text, Stage.STARTTLS))
            return
        self._shaking = True
        self._events.append(UpgradeToTls())

    def _take_login(self, reply: ServerReply) -> None:
        assert self._mechanism is not None
        if reply.code == 334:
            self._ask(Stage.AUTH, next_line(self._mechanism, reply.lines[0]))
        elif reply.is_positive:
            self._events.append(LoggedIn())
        elif reply.is_refusal:
            self._events.append(LoginRefused(outcome.judged(reply, Stage.AUTH)))
        else:
            self._end_unexpectedly(reply, Stage.AUTH)

    def _take_in_transaction(self, step: Step, reply: ServerReply) -> None:
        transaction = self._transaction
        assert transaction is not None
        stage, _ = step
        invited = stage is Stage.DATA and reply.code == 354
        if not (reply.is_refusal or invited or (reply.is_positive and stage is not Stage.DATA)):
            self._end_unexpectedly(reply, stage)
            return
        transaction.take(step, reply)
        if invited and transaction.has_takers:
            self._events.append(SendBody())
        elif invited:
            self.end_body()

    def _unbidden(self, reply: ServerReply) -> None:
        """A refusal while the message is written, or between messages, ends the connection."""
        transaction = self._transaction
        stage = Stage.IDLE if transaction is None else Stage.MESSAGE
        if not reply.is_refusal:
            self.fail("the server answered what was not asked", "4.5.0")
            return
        verdict = outcome.judged(reply, stage)
        if transaction is not None:
            transaction.decide(verdict)  # this message only may be refused for ever
        self._end(verdict)

    def _end_unexpectedly(self, reply: ServerReply, stage: Stage) -> None:
        if reply.is_refusal:
            self._end(outcome.judged(reply, stage))
        else:
            text = f"the server answered {reply.code} where that means nothing"
            self._end(outcome.ours(Fate.DEFERRED, "4.5.0", text, stage))

    # --- going on ---

    def _ask(self, stage: Stage, line: bytes, index: int = 0) -> None:
        self._out.append(line)
        self._due.append((stage, index))

    def _go_on(self) -> None:
        """Write the commands that are due, or tell that the message is done."""
        transaction = self._transaction
        if transaction is None or self.ended is not None:
            return
        window = WINDOW if "PIPELINING" in self._can else 1
        while len(self._due) < window and (step := transaction.next_step()) is not None:
            self._ask(step[0], transaction.line(step), step[1])
        if not self._due and transaction.state is not State.BODY:
            self._untidy = transaction.is_untidy
            self._transaction = None
            self._events.append(MessageDone(transaction.finished()))

    def _end(self, problem: Verdict | None) -> None:
        """Whatever the reply, no message is refused for ever because a connection ended."""
        if self.ended is not None:
            return
        if problem is not None and problem.stage not in (Stage.GREETING, Stage.HELLO):
            problem = replace(problem, fate=Fate.DEFERRED)
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            assert problem is not None
            transaction.decide(problem)
            self._events.append(MessageDone(transaction.finished()))
        self.ended = Ended(problem)
        self._events.append(self.ended)
        self._due.clear()
        self._reader = ReplyReader()
        self._out.clear()

    def _check_idle(self) -> None:
        assert self.is_idle, "one thing at a time: wait for the event that answers the last"


_CLOSED = outcome.ours(Fate.DEFERRED, "4.4.2", "the connection was closed before", Stage.IDLE)
