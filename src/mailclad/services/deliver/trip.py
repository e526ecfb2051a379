"""One message on its way to one destination: who still waits, and what became of the others.

Pure: verdicts come in one after the other, host by host; when nobody waits, or no host is left,
everybody has a fate.  RFC 5321 §4.5.4.1, §5.1: what a host cannot do now, the next may; a
refusal of a recipient is final; once a server was given the message its trouble is waited
out, because it may have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.protocols.smtp.client.outcome import (
    Fate,
    MessageOutcome,
    Stage,
    Unsendable,
    Verdict,
)
from mailclad.services.deliver.demand import Wish
from mailclad.services.deliver.host import deferred
from mailclad.store.queue import Attempt, QueuedMessage, QueuedRecipient, Work

_THIS_ONES = (Stage.RCPT, Stage.MESSAGE)
"""Where a delay is the recipient's or the message's, not the host's."""

_CLOSING = 421
_CROWD = 452
"""RFC 5321 §4.5.3.1.10: too many recipients at a time, or no room for this one."""

_NOT_THE_WAY = ("4.7.", "4.3.0")
"""TLS that was not enough for this message, and faults of our own."""

_NOT_TRIED = deferred("4.4.1", "no server of the domain could be reached")


@dataclass(frozen=True, slots=True)
class Fated:
    """``remote`` is the host that decided, "" if none; ``passed_on``: somebody
    else tells of success.  ``deadline_lost``: nobody will tell whether it came in time.
    """

    recipient: QueuedRecipient
    verdict: Verdict
    remote: str = ""
    passed_on: bool = False
    deadline_lost: bool = False


class Trip:
    """``reached``: a server has answered in good order, whatever it said."""

    __slots__ = ("_problem", "attempts", "fated", "pending", "reached", "wish", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.wish = Wish.USUAL
        self.pending: list[QueuedRecipient] = list(work.recipients)
        self.fated: list[Fated] = []
        self.attempts: list[Attempt] = []
        self.reached = False
        self._problem: Verdict | None = None

    @property
    def message(self) -> QueuedMessage:
        return self.work.message

    @property
    def problem(self) -> Verdict:
        """What is told to those whom no host decided about."""
        return self._problem or _NOT_TRIED

    @property
    def unreachable(self) -> bool:
        """Whether it is the way to the hosts that failed, so that no other message gets there."""
        problem = self.problem
        return (
            not self.reached
            and problem.fate is Fate.DEFERRED
            and not problem.status.startswith(_NOT_THE_WAY)
        )

    def failed(self, verdict: Verdict) -> None:
        """A host, or the way to it, is of no use.  A delay counts more than a refusal."""
        last = self._problem
        if last is None or last.fate is Fate.REFUSED or verdict.fate is Fate.DEFERRED:
            self._problem = verdict

    def decide(
        self,
        recipient: QueuedRecipient,
        verdict: Verdict,
        host: str = "",
        *,
        passed_on: bool = False,
    ) -> None:
        """One recipient's fate is known without any other server; ``host`` is then ours."""
        self.pending.remove(recipient)
        self.fated.append(Fated(recipient, verdict, host, passed_on))

    def take(self, batch: Sequence[QueuedRecipient], outcome: MessageOutcome, host: str) -> bool:
        """What a server did for these; whether it may be asked for the others at once: it
        may while it decides, or takes any, so that there is an end."""
        pairs = list(zip(batch, outcome.recipients, strict=True))
        taken = any(one.fate is Fate.DELIVERED for _, one in pairs)
        left: list[QueuedRecipient] = []
        self.reached |= outcome.unsendable is not None or any(
            one.verdict.code not in (0, _CLOSING) for _, one in pairs
        )
        for recipient, one in pairs:
            verdict = one.verdict
            if _is_next_ones(verdict, outcome.unsendable):
                self.failed(verdict)
                left.append(recipient)
            elif taken and _is_crowd(verdict):
                left.append(recipient)
            else:
                passed_on, lost = outcome.reports_passed_on, outcome.deadline_lost
                self.fated.append(Fated(recipient, verdict, host, passed_on, lost))
        self.pending = left + self.pending[len(batch) :]
        return taken or not left

    def end(self) -> None:
        """No host is left: those who wait share the last word."""
        self.fated += [Fated(recipient, self.problem) for recipient in self.pending]
        self.pending = []


def _is_next_ones(verdict: Verdict, unsendable: Unsendable | None) -> bool:
    """Whether another host may do better."""
    if unsendable in (Unsendable.REQUIRETLS, Unsendable.DELIVER_BY):
        return True
    return verdict.fate is Fate.DEFERRED and verdict.stage not in _THIS_ONES


def _is_crowd(verdict: Verdict) -> bool:
    """Too many for one transaction, as the server or our own engine says."""
    if verdict.fate is not Fate.DEFERRED or verdict.stage is not Stage.RCPT:
        return False
    return verdict.code in (_CROWD, 552) or verdict.status == "4.5.3"


def answer_of(verdict: Verdict) -> str:
    """As text with a reply code in front, one of our making where the server said nothing."""
    code = verdict.code or (550 if verdict.fate is Fate.REFUSED else 451)
    return " ".join((str(code), verdict.status, *verdict.text.split()))
