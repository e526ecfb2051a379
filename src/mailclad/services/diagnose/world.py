"""Whom a check asks: the DNS, the web and mail servers; and how it tells of its progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailclad.base.clock import Clock
from mailclad.base.https import Https
from mailclad.base.resolver import ZoneResolver
from mailclad.mail.endpoint import Endpoint
from mailclad.services.diagnose.evidence import Verifiers
from mailclad.services.diagnose.facts import HostSeen

Progress = Callable[[str, int, int], None]
"""What is being looked at; so many steps are done, of so many known."""


class Prober(Protocol):
    async def look_at(
        self, host: str, domain: str, endpoints: Sequence[Endpoint], progress: Progress
    ) -> HostSeen:
        """Every address of the host; never raises, and keeps to a time of its own."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """Whom a check asks.  ``public`` fetches what certificates point to, from the open Internet
    only; ``witness`` is the URL of a clock and of a page that no network may replace, or ""."""

    resolver: ZoneResolver
    https: Https
    public: Https
    prober: Prober
    verifiers: Verifiers
    clock: Clock
    witness: str = ""
