"""The notice about a queued message, ready to be settled with the attempt that caused it.

In come the message, what became of its recipients, and its octets; out comes the notice, or
None where nobody wants one.  To whom it goes, into a mailbox here or back into the queue, is
the caller's to find out; its envelope's sender is ``<>``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mailclad.base.octets import Octets
from mailclad.mail.dsn import Action, Asked, Composed, Notice, Reported, compose, wanted
from mailclad.services.queue.explain import explain, status_of
from mailclad.store.queue import Notify, QueuedMessage, QueuedRecipient, Return
from mailclad.store.queue_name import queue_name

_EVENT = {
    Action.FAILED: Notify.FAILURE,
    Action.DELAYED: Notify.DELAY,
    Action.DELIVERED: Notify.SUCCESS,
    Action.RELAYED: Notify.SUCCESS,
    Action.EXPANDED: Notify.SUCCESS,
}


_LATE = "4.4.7"
"""RFC 2852 §4.1.3: the time that the sender gave it is over, and we go on."""


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a recipient; ``remote`` is the host that answered, "" if none did.

    ``unasked``: of a success the sender hears unless it said NEVER (RFC 2852 §4.1.4.2).
    """

    recipient: QueuedRecipient
    action: Action
    answer: str
    remote: str = ""
    unasked: bool = False


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes, and when; ``token`` is random and makes boundary and Message-ID."""

    host_name: str
    now: int
    token: str


def wants(message: QueuedMessage, event: Event) -> bool:
    """Whether the sender is told (RFC 3461 §4.1)."""
    notify = event.recipient.notify
    if event.unasked and event.action is Action.RELAYED:
        asked = Asked.NO if notify & Notify.NEVER else Asked.YES
    elif notify:
        asked = Asked.YES if notify & _EVENT[event.action] else Asked.NO
    else:
        asked = Asked.NOTHING_SAID
    return wanted(message.sender, event.action, asked)


def write_notice(
    message: QueuedMessage, octets: Octets, events: Iterable[Event], writing: Writing
) -> Composed | None:
    """One notice of all events that the sender wants to hear of."""
    told = [event for event in events if wants(message, event)]
    if not told:
        return None
    notice = Notice(
        host_name=writing.host_name,
        sender=message.sender,
        arrived=message.created,
        recipients=tuple(_reported(message, event, writing.now) for event in told),
        now=writing.now,
        message_id=f"{writing.token}@{writing.host_name}",
        boundary=f"report-{writing.token}",
        envid=message.envid,
        queue_id=queue_name(message.id),
        deliver_by=message.deadline.at if message.deadline is not None else None,
        utf8=message.smtputf8,
    )
    return compose(notice, octets, message.start, full=message.ret is Return.FULL)


def _reported(message: QueuedMessage, event: Event, now: int) -> Reported:
    cause, remedy = explain(event.answer, event.action)
    delayed = event.action is Action.DELAYED
    late = delayed and message.is_late(now)
    return Reported(
        address=event.recipient.address,
        action=event.action,
        status=_LATE if late else status_of(event.answer, event.action),
        cause=cause,
        remedy=remedy,
        answer=event.answer,
        remote=event.remote,
        orcpt=event.recipient.orcpt,
        last_attempt=now,
        retry_until=message.expires if delayed else None,
    )
