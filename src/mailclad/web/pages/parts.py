"""What the pages are made of; the app hands it in."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from mailclad.base.clock import Clock
from mailclad.base.secret import Secret
from mailclad.services.auth.web_sessions import Browsers
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import Writer
from mailclad.services.client_setup.watching import SetupWatching
from mailclad.services.provision.accounts import Provision


@dataclass(frozen=True, slots=True)
class PageParts:
    """``settings_of`` a domain of ours, for an address or "" for anybody's; ``profile`` makes what
    an Apple device is given; ``ca_pem`` is None where a public authority signs; ``files`` writes
    configuration, by the programs' keys.
    """

    host_name: str
    domains: Callable[[], Awaitable[Collection[str]]]
    settings_of: Callable[[str, str], ClientSettings]
    profile: Callable[[ClientSettings, Secret | None], bytes]
    ca_pem: bytes | None
    files: Mapping[str, Writer]
    browsers: Browsers
    provision: Provision
    watching: SetupWatching
    clock: Clock
