"""An address's settings: of this server from its configuration, of any other by looking there."""

from mailclad.app.certificates import as_der, ensure_ca
from mailclad.app.check import Asking, check_target
from mailclad.app.client_endpoints import client_endpoints, doors_in, help_page
from mailclad.app.config import Config
from mailclad.services.client_setup.settings import THEIR_PASSWORD, ClientSettings
from mailclad.services.diagnose.providers import provider_of
from mailclad.services.diagnose.target import Target
from mailclad.services.diagnose.world import Progress


def of_this_server(config: Config, address: str, domain: str) -> ClientSettings:
    host_name, doors = config.server.hostname, list(doors_in(config))
    authority = ensure_ca(config).absolute() if config.tls.private_ca else None
    return ClientSettings(
        address,
        domain,
        client_endpoints(host_name, doors),
        trust_file=str(authority or ""),
        help_page=help_page(host_name, doors),
        authority=as_der(authority.read_bytes()) if authority else b"",
    )


async def of_another(
    target: Target, address: str, asking: Asking, progress: Progress
) -> ClientSettings:
    """What was seen to work, the best first; nobody is told the address."""
    checked = await check_target(target, asking, progress)
    provider = provider_of(target.domain, ())
    return ClientSettings(
        address,
        target.domain,
        checked.best,
        trust_file=str(asking.authorities.absolute()) if asking.authorities is not None else "",
        password=provider.note if provider is not None and provider.note else THEIR_PASSWORD,
    )
