"""What is noted of a message on its way in, for whoever asks later (``store.trace``)."""

from collections.abc import Sequence

from mailclad.base.clock import Clock
from mailclad.mail.address import Address, parse_address
from mailclad.mail.headers import first_values, split_fields
from mailclad.services.receive.incoming import Box, Incoming
from mailclad.store.queue import Envelope, QueueId
from mailclad.store.trace import Happening, Trace, TraceEvent

_HEADER_OCTETS = 16 * 1024
"""Enough for the Message-ID of any usual header."""

_NAMED = 3
"""Domains in one sentence."""


class Journal:
    def __init__(self, trace: Trace, clock: Clock) -> None:
        self._trace, self._clock = trace, clock

    def refused(
        self, identity: str, why: str, sender: Address | None, recipients: Sequence[Address]
    ) -> None:
        """A recipient, or a message, was turned away."""
        self._note(identity, Happening.REFUSED, f"Refused: {why}", _people(sender, recipients))

    def kept(
        self,
        message: Incoming,
        boxes: Sequence[Box],
        envelopes: Sequence[Envelope],
        queued: Sequence[QueueId],
        message_id: str | None,
        *,
        notice: bool,
    ) -> None:
        """A message is durable: where it lies, and what waits to leave.

        ``message_id`` is None where nobody has looked for it yet; ``notice``: it is one of ours
        about the message of that identity.
        """
        sender = message.mail.reverse_path
        people = _people(sender, [one.address for one in message.recipients])
        if message_id is None:
            message_id = _message_id(message)
        identity = message.identity
        happening, text = Happening.RECEIVED, f"Received, {len(message.octets)} octets"
        if notice:
            happening, text = Happening.NOTICE, "The sender is told that it has arrived"
        self._note(identity, happening, text, people, message_id)
        for mailbox in dict.fromkeys(box.mailbox for box in boxes):
            number = sum(box.mailbox == mailbox for box in boxes)
            text = f"Stored in {mailbox}" + (f" of {number} accounts" if number > 1 else "")
            self._note(identity, Happening.STORED, text, people, message_id)
        for envelope, queue in zip(envelopes, queued, strict=True):
            places = dict.fromkeys(each.destination for each in envelope.recipients)
            named = ", ".join(places) if len(places) <= _NAMED else f"{len(places)} domains"
            self._note(
                identity,
                Happening.QUEUED,
                f"Waits to leave for {named}",
                _people(
                    parse_address(envelope.sender) if envelope.sender else None,
                    [parse_address(each.address) for each in envelope.recipients],
                ),
                message_id,
                queue,
            )

    def _note(
        self,
        identity: str,
        happening: Happening,
        text: str,
        people: tuple[str, ...],
        message_id: str = "",
        queue: QueueId | None = None,
    ) -> None:
        now = self._clock.now()
        self._trace.note(TraceEvent(now, identity, happening, text, message_id, queue, people))


def _people(sender: Address | None, recipients: Sequence[Address]) -> tuple[str, ...]:
    everybody = [*recipients] if sender is None else [sender, *recipients]
    return tuple(each.normalised for each in everybody)


def _message_id(message: Incoming) -> str:
    header = message.octets[message.start : message.start + _HEADER_OCTETS]
    value = first_values(split_fields(header)).get(b"message-id", b"")
    return value.strip().removeprefix(b"<").removesuffix(b">").decode("utf-8", "replace")
