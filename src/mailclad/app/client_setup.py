"""An address's settings: of this server from its configuration, of any other by looking there."""

from dataclasses import dataclass

from mailclad.app.certificates import ensure_ca
from mailclad.app.check import Asking, check_target
from mailclad.app.client_endpoints import client_endpoints, doors_in
from mailclad.app.config import Config
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.diagnose.report import Report
from mailclad.services.diagnose.target import Target
from mailclad.services.diagnose.world import Progress


@dataclass(frozen=True, slots=True)
class Looked:
    """``report`` is what was seen of a server that is not ours."""

    settings: ClientSettings
    report: Report | None


def of_this_server(config: Config, address: str, domain: str) -> ClientSettings:
    host_name = config.server.hostname
    authority = str(ensure_ca(config)) if config.tls.private_ca else ""
    return ClientSettings(
        address, domain, client_endpoints(host_name, doors_in(config)), trust_file=authority
    )


async def of_another(target: Target, address: str, asking: Asking, progress: Progress) -> Looked:
    """What was seen to work, the best first; nobody is told the address."""
    checked = await check_target(target, asking, progress)
    trust_file = str(asking.authorities) if asking.authorities is not None else ""
    settings = ClientSettings(address, target.domain, checked.best, trust_file=trust_file)
    return Looked(settings, checked.report)
