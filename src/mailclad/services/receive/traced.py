"""What the trace is told of messages that were taken (``store.trace``)."""

from collections.abc import Collection, Iterator, Sequence

from mailclad.mail.address import Address, parse_address
from mailclad.services.receive.incoming import Box, Incoming
from mailclad.store.queue import Envelope, QueueId
from mailclad.store.trace import Happening, TraceEvent

PEOPLE_NAMED = 3
"""In a sentence; the event can be found by all of them."""


def taken(
    message: Incoming,
    message_id: str,
    boxes: Collection[Box],
    queued: Sequence[tuple[QueueId, Envelope]],
    now: int,
    *,
    notice: bool = False,
) -> Iterator[TraceEvent]:
    """One event for the message and its mailboxes, and one for each envelope in the queue.

    ``notice``: it is one of ours about the message of that identity.
    """
    sender = message.mail.reverse_path
    identity = message.identity
    here = [given.address for given in message.recipients if given.leads.boxes]
    happening, text = Happening.RECEIVED, f"from {sender or '<>'}, {len(message.octets):,} octets"
    if notice:
        happening, text = Happening.NOTICE, "the sender is told that it has arrived"
    if boxes:
        text += f"; in {' and '.join({box.mailbox: 0 for box in boxes})} for {people(here)}"
    named = here if sender is None else (sender, *here)
    addresses = tuple([address.normalised for address in named])
    yield TraceEvent(now, identity, happening, text, message_id, None, addresses)
    for queue_id, envelope in queued:
        leaving = tuple([one.address for one in envelope.recipients])
        text = f"for {people(leaving)}"
        named_by = tuple([parse_address(address).normalised for address in leaving])
        yield TraceEvent(now, identity, Happening.QUEUED, text, "", queue_id, named_by)


def people(addresses: Sequence[str | Address]) -> str:
    """The first few, and how many more."""
    named = ", ".join(map(str, addresses[:PEOPLE_NAMED]))
    more = len(addresses) - PEOPLE_NAMED
    return f"{named} and {more:,} more" if more > 0 else named
