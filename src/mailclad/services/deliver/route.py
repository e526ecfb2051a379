"""What the administrator says about the way to a domain; without a word, DNS says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.protocols.smtp.client.login import Login

EVERY = "*"
"""Stands for all domains that nothing else is said about; ``*.example`` for those below it."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A server that is named here and not looked up as MX; ``host`` may be an IP address."""

    host: str
    port: int = 25
    tls: TlsMode = TlsMode.STARTTLS
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """``level`` None: what the domain itself publishes (DANE, MTA-STS), else what there is.

    ``connections``: at once, of this process, where that is not as everywhere.
    """

    relay: Relay | None = None
    level: TlsLevel | None = None
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """``by_domain``: names in A-labels and lower case, ``*.`` before them, or ``*``."""

    by_domain: Mapping[str, Route] = field(default_factory=dict)

    def find(self, destination: str) -> Route:
        """The first that is there: the domain's own, that of a domain above, everybody's."""
        found = self.by_domain.get(destination)
        above = destination
        while found is None and above:
            _, _, above = above.partition(".")
            found = self.by_domain.get(f"*.{above}") if above else self.by_domain.get(EVERY)
        return found or Route()
