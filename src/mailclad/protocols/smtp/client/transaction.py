"""One message on its way: which command is due next, and what each reply decides.

RFC 5321 §3.3, RFC 2920 §3.1 (replies are matched to commands by their order; DATA may be accepted
although every recipient was refused: then an empty message is sent, which nobody gets).
Each recipient is decided once: by its own reply, by the reply to MAIL or DATA, by the reply to
the message, or by the end of the connection.
"""

from enum import Enum, auto

from mailclad.protocols.smtp.client import outcome
from mailclad.protocols.smtp.client.capabilities import Capabilities
from mailclad.protocols.smtp.client.dots import DotStuffer
from mailclad.protocols.smtp.client.envelope import (
    Envelope,
    loses_deadline,
    mail_line,
    needs_utf8,
    rcpt_line,
    unsendable,
)
from mailclad.protocols.smtp.client.outcome import (
    Fate,
    MessageOutcome,
    RecipientOutcome,
    Stage,
    Unsendable,
    Verdict,
)
from mailclad.protocols.smtp.client.server_reply import ServerReply

Step = tuple[Stage, int]
"""A command that was sent: what it is, and for RCPT which recipient."""


class State(Enum):
    ENVELOPE = auto()  # MAIL, RCPT and DATA are written or answered
    BODY = auto()  # 354 came, the message is being written
    SENT = auto()  # the end of data is written
    DONE = auto()


class Transaction:
    """For one envelope that :func:`unsendable` has let pass."""

    __slots__ = (
        "_accepted", "_can", "_envelope", "_lines", "_lost", "_mail", "_next", "_open",
        "_unsendable", "_verdicts", "state", "stuffer",
    )  # fmt: skip

    def __init__(self, envelope: Envelope, can: Capabilities) -> None:
        self.state = State.ENVELOPE
        self.stuffer = DotStuffer()
        self._envelope = envelope
        self._can = can
        self._verdicts: list[Verdict | None] = [None] * len(envelope.recipients)
        self._accepted = 0
        self._mail: bool | None = None
        self._unsendable: Unsendable | None = None
        self._open = len(envelope.recipients)  # RCPT commands without a reply
        utf8 = needs_utf8(envelope, can)
        self._lost = loses_deadline(envelope, can)
        lines = [
            rcpt_line(rcpt, can, utf8=utf8, loses_deadline=self._lost)
            for rcpt in envelope.recipients
        ]
        self._lines = lines
        self._decide_before(can.recipients)
        self._next: list[Step] = self._steps()

    @property
    def is_untidy(self) -> bool:
        """Whether the server still holds this transaction: RSET must come before the next."""
        return self._mail is True and self.state is State.ENVELOPE

    @property
    def has_takers(self) -> bool:
        """Whether the message is for anybody yet."""
        return None in self._verdicts

    def next_step(self) -> Step | None:
        """Take the command that is due; None: wait for replies, or for the message."""
        if not self._next or self._mail is False:
            return None
        if self._next[-1][0] is Stage.DATA and not (self._accepted or self._open):
            return None
        return self._next.pop()

    def line(self, step: Step) -> bytes:
        stage, index = step
        if stage is Stage.MAIL:
            return mail_line(self._envelope, self._can)
        line = self._lines[index] if stage is Stage.RCPT else b"DATA\r\n"
        assert line is not None
        return line

    def take(self, step: Step, reply: ServerReply) -> None:
        """Let a reply of the right kind decide what it decides."""
        stage, index = step
        verdict = outcome.judged(reply, stage)
        if stage is Stage.RCPT:
            self._open -= 1
            if reply.is_positive:
                self._accepted += 1
            elif self._verdicts[index] is None:
                self._verdicts[index] = verdict
        elif stage is Stage.MAIL:
            self._mail = reply.is_positive
            if not self._mail:
                self.decide(verdict)
        elif stage is Stage.DATA and reply.is_refusal:
            self.decide(verdict)
        elif stage is Stage.DATA:
            self.state = State.BODY
        else:
            self.state = State.DONE
            self.decide(verdict)

    def decide(self, verdict: Verdict) -> None:
        """Let this be the fate of all who have none yet."""
        for index, known in enumerate(self._verdicts):
            if known is None:
                self._verdicts[index] = verdict

    def give_up(self, reason: Unsendable) -> None:
        """The message turned out to be one that cannot be sent."""
        self._unsendable = reason
        status = outcome.STATUS_OF[reason]
        self.decide(outcome.ours(Fate.REFUSED, status, reason.value, Stage.MESSAGE))

    def finished(self) -> MessageOutcome:
        found: list[RecipientOutcome] = []
        for rcpt, verdict in zip(self._envelope.recipients, self._verdicts, strict=True):
            assert verdict is not None, "everybody's fate is decided"
            found.append(RecipientOutcome(rcpt.forward_path, verdict))
        return MessageOutcome(tuple(found), self._unsendable, "DSN" in self._can, self._lost)

    def _decide_before(self, most: int) -> None:
        """Decide those who need not be asked; ``most`` is the server's RCPTMAX, 0 for none."""
        asked = 0
        for index, line in enumerate(self._lines):
            if line is None:
                address = self._envelope.recipients[index].forward_path
                self._verdicts[index] = _unwritable(ascii_only=not address.is_ascii)
            elif 0 < most <= asked:
                text = "The server takes fewer recipients at a time; this one is for another try"
                self._verdicts[index] = outcome.ours(Fate.DEFERRED, "4.5.3", text, Stage.RCPT)
            else:
                asked += 1
        self._open = asked

    def _steps(self) -> list[Step]:
        """All commands, the first one last."""
        if not self._open:
            return []
        asked = [index for index, known in enumerate(self._verdicts) if known is None]
        return [
            (Stage.DATA, 0), *((Stage.RCPT, index) for index in reversed(asked)), (Stage.MAIL, 0)
        ]  # fmt: skip


def _unwritable(*, ascii_only: bool) -> Verdict:
    if ascii_only:
        status, text = "5.6.7", "The address needs SMTPUTF8 and the server has not"
    else:
        status, text = "5.1.3", "The address cannot be written in SMTP"
    return outcome.ours(Fate.REFUSED, status, text, Stage.RCPT)


def refused_unsent(
    envelope: Envelope, verdict: Verdict, unsendable: Unsendable | None = None
) -> MessageOutcome:
    """The outcome of a message of which no command was sent."""
    recipients = tuple(
        RecipientOutcome(rcpt.forward_path, verdict) for rcpt in envelope.recipients
    )
    return MessageOutcome(recipients, unsendable)


def refused_here(
    envelope: Envelope, can: Capabilities, *, encrypted: bool
) -> MessageOutcome | None:
    """The outcome of a message that this server cannot take, or None: try it."""
    lacking = unsendable(envelope, can, encrypted=encrypted)
    if lacking is None:
        return None
    status = outcome.STATUS_OF[lacking]
    verdict = outcome.ours(Fate.REFUSED, status, lacking.value, Stage.MAIL)
    return refused_unsent(envelope, verdict, lacking)
