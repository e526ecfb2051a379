"""What our authorities call themselves and us, and what the CAA records of our names say.

Comes in: configuration, store, whom to ask.  Goes out: findings of :mod:`doctor_caa` of the
services.  An authority that does not say its names in CAA records is left alone.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from mailclad.app.config import Config, ConfigProblem
from mailclad.app.hook_files import HookProblem
from mailclad.app.renewing import solvers_in_order
from mailclad.app.requesting import means_to_order
from mailclad.base.https import Https, HttpsProblem, Request
from mailclad.base.resolver import ZoneResolver
from mailclad.protocols.acme.objects import Directory, MalformedAnswer, parse_directory
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.tls import ClientTrust
from mailclad.services.certificates.acme.authorities import KNOWN
from mailclad.services.certificates.acme.challenge import Challenge
from mailclad.services.deliver.host import is_address
from mailclad.services.diagnose.doctor_caa import Customer, judge_caa
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.policies import nearest_caa
from mailclad.store.interface import Store

DIRECTORY_SECONDS = 5.0
DIRECTORY_OCTETS = 64 * 1024

MOST_NAMES = 32
"""Looked at; they mostly share one set of records."""


async def look_at_caa(
    config: Config,
    store: Store | None,
    names: Iterable[str],
    resolver: ZoneResolver,
    https: Https,
) -> Sequence[Found]:
    """The authorities are asked in any case: they tell the time too."""
    if config.acme is None:
        return ()
    own = config.acme.trust
    fetcher = https if own is None else HttpsClient(resolver, ClientTrust(own), permits=_anywhere)
    directories = await asyncio.gather(*(_ask(fetcher, one) for one in config.acme.authorities))
    if store is None:
        return ()
    ways = await _ways(config, store)
    customers = []
    for name, directory in zip(config.acme.authorities, directories, strict=True):
        if directory is not None and directory.meta.caa_identities:
            account = await store.acme_account(KNOWN.get(name, name))
            identities = frozenset(one.lower() for one in directory.meta.caa_identities)
            customers.append(Customer(name, identities, account.url if account else "", ways))
    wanted = [one.lower() for one in (config.server.hostname, *config.acme.names, *names)]
    wanted = [one for one in dict.fromkeys(wanted) if not is_address(one)][:MOST_NAMES]
    seen = await asyncio.gather(*(nearest_caa(resolver, one.removeprefix("*.")) for one in wanted))
    return list(judge_caa(dict(zip(wanted, seen, strict=True)), customers))


async def _ask(https: Https, authority: str) -> Directory | None:
    request = Request(
        KNOWN.get(authority, authority), octets=DIRECTORY_OCTETS, seconds=DIRECTORY_SECONDS
    )
    with suppress(HttpsProblem, MalformedAnswer):
        return parse_directory((await https.fetch(request)).body)
    return None


async def _ways(config: Config, store: Store) -> tuple[str, ...]:
    """None where the settings, or a file of hooks, do not fit: the server does not start then."""
    with suppress(ConfigProblem, HookProblem):
        async with means_to_order(config, store, ()) as means:
            return tuple(str(one.kind) for one in solvers_in_order(config, means, _silently))
    return ()


def _silently(_challenge: Challenge, _text: str) -> None:
    """Nothing is presented."""


def _anywhere(_address: str) -> bool:
    """Whoever names an authority by its URL knows where it is."""
    return True
