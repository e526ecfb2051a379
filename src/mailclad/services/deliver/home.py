"""Queued mail that is for our own people: looked up when its time has come, and kept.

RFC 4865 §4 (held mail), RFC 5321 §3.9 (aliases), §4.4 (trace).  Comes in: trips to a domain of
ours: mail that was held, and what waits for a domain that became ours meanwhile.  Goes out: the
same trips, everybody's fate decided.  Who has no mailbox here any more is refused, and the
sender told.  Raises only what reading the message raises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool, Octets
from mailclad.mail.address import Address
from mailclad.mail.trace import make_stamp, protocol_word, write_trace
from mailclad.protocols.smtp.client.outcome import Fate, Stage, Verdict, ours
from mailclad.protocols.smtp.command import Mail
from mailclad.services.deliver.carried import mail_of, rcpt_of
from mailclad.services.deliver.connect import Body
from mailclad.services.deliver.trip import Trip, answer_of
from mailclad.services.receive import refusal
from mailclad.services.receive.incoming import Given, Incoming
from mailclad.services.receive.reception import Reception
from mailclad.store import errors
from mailclad.store.queue import Attempt, QueuedRecipient

_COPIED_AT_ONCE = 256 * 1024
_KEPT = Verdict(Fate.DELIVERED, 250, "2.1.5", "kept here", Stage.MESSAGE)


def _refused(status: str, text: str) -> Verdict:
    return ours(Fate.REFUSED, status, text, Stage.RCPT)


def _deferred(status: str, text: str) -> Verdict:
    return ours(Fate.DEFERRED, status, text, Stage.RCPT)


_LATER = _deferred("4.3.0", "the message could not be kept now")
_VERDICTS: Mapping[type[Exception], Verdict] = {
    refusal.NobodyHere: _refused("5.1.1", "nobody has this address here"),
    refusal.AddressInAddress: _refused("5.7.1", "mail is not sent on to an address in an address"),
    refusal.CannotLeave: _refused("5.6.3", "the message has line ends that cannot be sent on"),
    refusal.TooManyHops: _refused("5.4.6", "the message has been on its way too long: a loop"),
    refusal.ComesAgain: _refused(
        "5.4.6", "the message was here before: forwarding runs in a loop"
    ),
    errors.OverQuota: _refused("5.2.2", "the mailbox is full"),
    errors.DiskFull: _deferred("4.3.1", "the server has no room at the moment"),
    OSError: _deferred("4.3.1", "the server has no room at the moment"),
}
"""All else is tried again: the domain has just gone, or the store cannot say."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A recipient in the queue, and where that leads now."""

    recipient: QueuedRecipient
    given: Given


class Home:
    """For one process; several may carry at once."""

    def __init__(
        self, reception: Reception, new_spool: NewSpool, clock: Clock, host_name: str
    ) -> None:
        self._reception = reception
        self._new_spool = new_spool
        self._clock = clock
        self._host_name = host_name

    async def carry(self, trip: Trip, body: Body) -> None:
        """Keep the message for everybody, together if that can be."""
        trip.reached = True
        named = await self._named(trip)
        if named and (verdict := await self._keep(trip, named, body)) is not None:
            alone = len(named) == 1
            for one in named:
                last = verdict if alone else await self._keep(trip, (one,), body)
                if last is not None:
                    self._decide(trip, one.recipient, last)

    async def close(self) -> None:
        """Nothing stays open."""

    async def _named(self, trip: Trip) -> Sequence[_Named]:
        """Those who have a place; the others are decided."""
        found: list[_Named] = []
        bounce = not trip.message.sender
        for recipient in tuple(trip.pending):
            rcpt = rcpt_of(recipient)
            try:
                leads = await self._reception.recipient(rcpt.forward_path, bounce=bounce)
            except refusal.Refusal as problem:
                self._decide(trip, recipient, _verdict(problem))
            else:
                found.append(_Named(recipient, Given(rcpt, leads)))
        return found

    async def _keep(self, trip: Trip, named: Sequence[_Named], body: Body) -> Verdict | None:
        """None: they have it, and that is written down."""
        mail = mail_of(trip.message, self._clock.now())
        trace = self._trace(trip, mail, [one.given.address for one in named])
        spool = self._new_spool()
        try:
            spool.write(trace)
            for at in range(0, body.octets, _COPIED_AT_ONCE):
                spool.write(body.read(at, _COPIED_AT_ONCE))
            octets: Octets = spool.view()
            given = [one.given for one in named]
            message = Incoming(trip.message.identity, octets, len(trace), mail, given)
            await self._reception.receive(message)
        except (refusal.Refusal, errors.StoreProblem, OSError) as problem:
            return _verdict(problem)
        finally:
            spool.close()
        for one in named:
            self._decide(trip, one.recipient, _KEPT)
        return None

    def _trace(self, trip: Trip, mail: Mail, people: Sequence[Address]) -> bytes:
        """``Delivered-To`` names who is alone, so that a loop is seen."""
        protocol = protocol_word(
            extended=True, lmtp=True, tls=False, authenticated=False, utf8=mail.smtputf8
        )
        return write_trace(
            make_stamp(self._host_name, "", self._host_name, None),
            protocol,
            trip.message.identity,
            mail.reverse_path,
            people[0] if len(people) == 1 else None,
            self._clock.now(),
        )

    def _decide(self, trip: Trip, recipient: QueuedRecipient, verdict: Verdict) -> None:
        # Reception tells senders who asked to hear of a delivery.
        trip.decide(recipient, verdict, self._host_name, passed_on=True)
        trip.attempts.append(
            Attempt(
                at=self._clock.now(),
                destination=trip.work.destination,
                host=self._host_name,
                address="",
                tls_version="",
                tls_suite="",
                tls_group="",
                verified="",
                answer=answer_of(verdict),
            )
        )


def _verdict(problem: Exception) -> Verdict:
    if isinstance(problem, OSError):
        return _VERDICTS[OSError]
    return _VERDICTS.get(type(problem), _LATER)
