"""The name servers of a zone, to be asked themselves, whatever is remembered elsewhere.

Comes in: a resolver, a name.  Goes out: server, zone and address of those that the zone's own
records name; the answers are a stranger's.
"""

from mailclad.base.resolver import DnsProblem, ZoneResolver
from mailclad.servers.outbound import is_public
from mailclad.services.provision.dns_view import find_zone

MAX_NAME_SERVERS = 4
"""Of the zone: who has more serves the same from all of them."""


async def zone_servers(resolver: ZoneResolver, domain: str) -> list[tuple[str, str, str]]:
    """None where DNS fails."""
    found = []
    try:
        zone, names = await find_zone(resolver, domain)
        for name in names[:MAX_NAME_SERVERS]:
            addresses = (await resolver.addresses(name, 4)).records
            found += [(name, zone, one) for one in addresses[:1] if is_public(one)]
    except DnsProblem:
        pass  # what was found until then is enough, or whoever asks finds out that nothing is
    return found
