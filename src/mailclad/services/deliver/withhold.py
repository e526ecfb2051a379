"""Mail that is not even tried: the administrator says that an address gets nothing.

Comes in: what was leased.  Goes out: what may go, and trips of the others, their fate decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailclad.services.deliver.carried import address_of
from mailclad.services.deliver.host import refused
from mailclad.services.deliver.trip import Trip
from mailclad.store.queue import Queue, Work


async def withhold(
    queue: Queue, works: Sequence[Work], now: int
) -> tuple[Sequence[Work], Sequence[Trip]]:
    """One look for all of them."""
    reasons = await _reasons(queue, works, now)
    if not reasons:
        return works, ()
    left: list[Work] = []
    trips: list[Trip] = []
    for work in works:
        some = tuple(one for one in work.recipients if one.address in reasons)
        others = tuple(one for one in work.recipients if one.address not in reasons)
        if some:
            trips.append(_refused(replace(work, recipients=some), reasons))
        if others:
            left.append(replace(work, recipients=others))
    return left, trips


async def _reasons(queue: Queue, works: Sequence[Work], now: int) -> Mapping[str, str]:
    """By address, as it is written."""
    addresses = {
        recipient.address: _normalised(recipient.address)
        for work in works
        for recipient in work.recipients
    }
    found = await queue.suppressed(list(addresses.values()), now)
    return {
        written: found[address].reason
        for written, address in addresses.items()
        if address in found
    }


def _normalised(text: str) -> str:
    address = address_of(text)
    return address.normalised if address is not None else text


def _refused(work: Work, reasons: Mapping[str, str]) -> Trip:
    trip = Trip(work)
    for one in work.recipients:
        text = f"this server sends nothing to this address: {reasons[one.address]}"
        trip.decide(one, refused("5.7.1", text))
    return trip
