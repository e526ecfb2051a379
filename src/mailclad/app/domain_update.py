"""A zone brought to say what a domain needs: looked at, planned, changed by one signed update.

Comes in: records, the zone's primary server, a key.  Goes out: what differs, and ``UpdateRefused``
where the server does not do it.  Names outside of the zone are told of and left alone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.base.resolver import DnsProblem
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.engines.dns.update import Edit, TsigKey, UpdateRefused, send_update
from mailclad.services.provision.dns_changes import Change, changes, in_zone
from mailclad.services.provision.dns_records import TTL, DnsRecord
from mailclad.services.provision.dns_view import find_zone, look_up
from mailclad.services.provision.zone_text import written

Server = tuple[str, int]


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """``outside`` are names that are in another zone."""

    zone: str
    changes: tuple[Change, ...]
    outside: tuple[str, ...]


async def plan_update(server: Server, domain: str, records: Sequence[DnsRecord]) -> UpdatePlan:
    """Raises UpdateRefused where the server cannot be asked."""
    resolver = DnsResolver([server], validate="never")
    try:
        zone, _ = await find_zone(resolver, domain)
        if not zone:
            raise UpdateRefused(f"The server knows no zone that {domain} is in.")
        inside = [record for record in records if in_zone(record.name, zone)]
        kinds = {(record.name, record.kind) for record in inside}
        for record in inside:
            if record.kind == "CNAME":
                kinds |= {(record.name, "A"), (record.name, "AAAA")}
        asked = sorted(kinds)
        answers = await asyncio.gather(*(look_up(resolver, *one) for one in asked))
    except DnsProblem as problem:
        raise UpdateRefused(str(problem)) from None
    finally:
        await resolver.close()
    outside = dict.fromkeys(one.name for one in records if not in_zone(one.name, zone))
    found = changes(inside, dict(zip(asked, answers, strict=True)))
    return UpdatePlan(zone, found, tuple(outside))


async def carry_out(server: Server, key: TsigKey, plan: UpdatePlan) -> None:
    """All of it or nothing; raises UpdateRefused."""
    edits = [
        Edit(change.name, change.kind, written(change.kind, value), ttl)
        for change in plan.changes
        for values, ttl in ((change.removed, None), (change.added, TTL))
        for value in values
    ]
    await asyncio.to_thread(send_update, server, key, plan.zone, edits)
