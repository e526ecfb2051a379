"""Several authorities, one after the other: who fails is passed over, and it is told why.

Comes in: clients in the administrator's order.  Goes out: what the first one gave that could, or
OrderFailed with the reasons of all.  A name that fails is no reason to go on to the next.
"""

from collections.abc import Mapping, Sequence

import structlog

from mailclad.base.clock import Clock
from mailclad.services.certificates.acme.client import AcmeClient
from mailclad.services.certificates.acme.order import (
    AuthorityFailed,
    Issued,
    OrderFailed,
    RenewalWindow,
    Wanted,
)

KNOWN: Mapping[str, str] = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "zerossl": "https://acme.zerossl.com/v2/DV90",
    "google": "https://dv.acme-v02.api.pki.goog/directory",
    "google-staging": "https://dv.acme-v02.test-api.pki.goog/directory",
    "actalis": "https://acme-api.actalis.com/acme/directory",
}
"""Directories by a short name; others are named by their URL."""

_log = structlog.get_logger()


class Authorities:
    """``failures`` says of each authority and names for which it failed last time, why.

    A limit for some names is none for others.
    """

    def __init__(self, clients: Sequence[AcmeClient], clock: Clock) -> None:
        assert clients, "who uses ACME has an authority"
        self.failures: dict[tuple[str, tuple[str, ...]], AuthorityFailed] = {}
        self._clients = clients
        self._clock = clock

    async def obtain(self, wanted: Wanted) -> Issued:
        """Raises OrderFailed."""
        for client in self._clients:
            name = client.authority.name
            place = name, wanted.names
            if self._must_wait(place):
                continue
            try:
                issued = await client.obtain(wanted)
            except AuthorityFailed as failed:
                _log.warning("ACME authority failed", authority=name, reason=str(failed))
                self.failures[place] = failed
            else:
                self.failures.pop(place, None)
                return issued
        raise self._all_failed(wanted.names)

    async def renewal_info(self, authority: str, leaf_pem: bytes) -> RenewalWindow | None:
        """Of the authority with this name, which gave the certificate."""
        for client in self._clients:
            if client.authority.name == authority:
                return await client.renewal_info(leaf_pem)
        return None

    def _must_wait(self, place: tuple[str, tuple[str, ...]]) -> bool:
        failed = self.failures.get(place)
        if failed is None or failed.not_before is None:
            return False
        return self._clock.now() < failed.not_before.timestamp()

    def _all_failed(self, names: tuple[str, ...]) -> OrderFailed:
        known = [self.failures[client.authority.name, names] for client in self._clients]
        moments = [failed.not_before for failed in known]
        first = known[0]
        return OrderFailed(
            "; ".join(map(str, known)),
            not_before=None if None in moments else min(filter(None, moments)),
            names=first.names,
            finding=first.finding,
        )
