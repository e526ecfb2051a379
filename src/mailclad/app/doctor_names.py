"""Names that programs ask for and no certificate of ours has (CERT-315).

Comes in: configuration, store, what is served.  Goes out: findings.  A name counts where it leads
here, as the DNS says; the server's own is seen at the ports.
"""

from collections.abc import Sequence

from mailclad.app.build import make_resolver
from mailclad.app.certificate_list import Listed
from mailclad.app.config import Config
from mailclad.app.renewing import DnsWorld
from mailclad.app.settings.acme import AcmeConfig
from mailclad.services.certificates.acme.challenge import ChallengeKind
from mailclad.services.diagnose.found import Found
from mailclad.store.interface import Store


async def missing_names(
    config: Config, store: Store, served: Sequence[Listed], *, ask_dns: bool
) -> Sequence[Found]:
    if config.tls.private_ca or not served:
        return ()
    host = config.server.hostname.lower()
    wanted = await _wanted(config, store) if ask_dns else _always(config)
    have = {name for one in served for name in one.names}
    missing = [name for name in wanted if name != host and not _has(have, name)]
    if not missing:
        return ()
    values = {"missing_names": ", ".join(missing), "names": ", ".join(sorted(have))}
    return [Found("CERT-315", "C07d", host, values=values)]


def _always(config: Config) -> Sequence[str]:
    return config.acme.names if config.acme is not None else ()


async def _wanted(config: Config, store: Store) -> Sequence[str]:
    resolver = make_resolver(config)
    try:
        acme = config.acme or AcmeConfig()
        seen = await DnsWorld(config, acme, store, resolver, (ChallengeKind.DNS,)).survey()
    finally:
        await resolver.close()
    return seen.names


def _has(names: set[str], wanted: str) -> bool:
    return wanted in names or f"*.{wanted.partition('.')[2]}" in names
