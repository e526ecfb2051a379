"""One authority as a client sees it: certificates, and when to renew them.

RFC 8555, RFC 8738 (IP addresses), RFC 9773 §4 (renewal information).

Comes in: what an administrator configured, ``Wanted``; the authority's answers, untrusted.  Goes
out: ``Issued`` or ``OrderFailed`` (AuthorityFailed where another authority may do better), a
``RenewalWindow`` or None.
Limits: names in a certificate; those of :mod:`conversation`, :mod:`proof` and :mod:`ordering`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta

import structlog
from cryptography import x509

from mailclad.base.clock import Clock
from mailclad.base.https import Https
from mailclad.protocols.acme.headers import read_retry_after
from mailclad.protocols.acme.objects import (
    MAX_NAMES,
    MalformedAnswer,
    parse_renewal_info,
)
from mailclad.protocols.acme.request import as_address, certificate_id
from mailclad.services.certificates.acme.account import (
    Authority,
    sign_in,
)
from mailclad.services.certificates.acme.challenge import Solver
from mailclad.services.certificates.acme.conversation import (
    AccountForgotten,
    Conversation,
    Refused,
    Sleep,
)
from mailclad.services.certificates.acme.order import (
    AuthorityFailed,
    Issued,
    OrderFailed,
    RenewalWindow,
    Wanted,
)
from mailclad.services.certificates.acme.ordering import Ordering
from mailclad.store.acme_accounts import AcmeAccounts

ASK_AGAIN = timedelta(hours=6)
"""RFC 9773 §4.3.3: where the authority does not say when."""

ASK_AGAIN_BETWEEN = (timedelta(minutes=1), timedelta(days=1))
"""RFC 9773 §4.3.2: what is taken of an authority that does."""

_log = structlog.get_logger()


class AcmeClient:
    """``solvers`` in the order in which they are to be tried; for one event loop."""

    def __init__(
        self,
        authority: Authority,
        https: Https,
        solvers: Sequence[Solver],
        accounts: AcmeAccounts,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.authority = authority
        self._https = https
        self._solvers = solvers
        self._accounts = accounts
        self._clock = clock
        self._sleep = sleep
        self._signing_in = asyncio.Lock()  # two at once would open two accounts

    async def obtain(self, wanted: Wanted) -> Issued:
        """Raises OrderFailed."""
        names = tuple(dict.fromkeys(map(_normal, wanted.names)))
        if not 0 < len(names) <= MAX_NAMES:
            text = f"a certificate is for 1 to {MAX_NAMES} names, not {len(names)}: divide them"
            raise OrderFailed(text)
        wanted = replace(wanted, names=names)
        try:
            return await self._order(wanted)
        except AccountForgotten:
            return await self._order(wanted, anew=True)

    async def renewal_info(self, leaf_pem: bytes) -> RenewalWindow | None:
        """When to replace this certificate; None where the authority does not say."""
        talk = self._conversation()
        identifier = certificate_id(x509.load_pem_x509_certificate(leaf_pem))
        try:
            base = (await talk.directory()).renewal_info
            if not base or identifier is None:
                return None
            response = await talk.get(f"{base.removesuffix('/')}/{identifier}")
            found = parse_renewal_info(response.body)
        except (AuthorityFailed, MalformedAnswer, Refused) as problem:
            _log.info("no renewal information", authority=self.authority.name, reason=str(problem))
            return None
        now = talk.now()
        asked = read_retry_after(response.headers.get("retry-after"), now) or now + ASK_AGAIN
        earliest, latest = (now + apart for apart in ASK_AGAIN_BETWEEN)
        window = found.suggested_window
        return RenewalWindow(
            start=window.start.astimezone(UTC),
            end=window.end.astimezone(UTC),
            ask_again=min(max(asked, earliest), latest),
            explanation=_shown(found.explanation_url),
        )

    async def _order(self, wanted: Wanted, *, anew: bool = False) -> Issued:
        talk = await self._signed_in(anew=anew)
        return await Ordering(talk, self.authority, self._solvers, wanted).obtain()

    def _conversation(self) -> Conversation:
        authority = self.authority
        return Conversation(
            authority.name, authority.directory, self._https, self._clock, self._sleep
        )

    async def _signed_in(self, *, anew: bool = False) -> Conversation:
        talk = self._conversation()
        async with self._signing_in:
            await sign_in(talk, self.authority, self._accounts, anew=anew)
        return talk


def _normal(name: str) -> str:
    address = as_address(name)
    return name.lower().removesuffix(".") if address is None else str(address)


def _shown(url: str) -> str:
    """A link for people, or nothing."""
    return url if url.startswith("https://") and url.isascii() and url.isprintable() else ""
