"""Which host names are ours on the web: the server's, its certificate's, and those of domains."""

from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from mailclad.app.config import Config
from mailclad.mail.domain_hosts import PERSONAL_LABELS, SETTINGS_LABELS
from mailclad.mail.mta_sts import policy_host
from mailclad.services.certificates.choose import choose

_LABELS = frozenset({*SETTINGS_LABELS, *PERSONAL_LABELS})


def our_hosts(
    config: Config, domains: Callable[[], Awaitable[Collection[str]]]
) -> Callable[[str], Coroutine[Any, Any, bool]]:
    """Say whether a host, in lower case, is ours."""
    certified = config.acme.names if config.acme is not None else ()
    names = (config.server.hostname, *config.tls.names, *certified)
    fixed = {name.lower().removesuffix("."): True for name in names}

    async def is_ours(host: str) -> bool:
        if choose(fixed, host) is not None:
            return True
        known = await domains()
        label, _, domain = host.partition(".")
        return host in known or (
            domain in known and (label in _LABELS or host == policy_host(domain))
        )

    return is_ours
