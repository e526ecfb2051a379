"""Shakes hands with port 443 of our own name as an authority does for tls-alpn-01.

RFC 8737 §3.  Comes in: a challenge that is presented; ``Shown``, which shakes hands.  Goes out:
"", or why the authority may not see the answer: port closed, somebody else ends TLS there,
another machine.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from mailclad.base.resolver import Resolver
from mailclad.services.certificates.acme.challenge import Challenge
from mailclad.services.certificates.acme.solvers.look_addresses import at_each_address
from mailclad.services.certificates.acme.solvers.tls_alpn_certificate import asked_name, proves

_ELSE = "or prove the name by another challenge."


class NotReached(Exception):
    """Nobody listens there, or says nothing; the text says which."""


class NotSpoken(Exception):
    """Somebody speaks TLS there, and not with an authority; the text says how it ended."""


Shown = Callable[[str, str], Awaitable[bytes]]
"""The certificate (DER) that an address shows to whoever asks for a name by ``acme-tls/1``.

Raises NotReached, NotSpoken.
"""


class TlsAlpnLook:
    def __init__(self, shown: Shown, resolver: Resolver) -> None:
        self._shown, self._resolver = shown, resolver

    async def __call__(self, challenge: Challenge) -> str:
        return await at_each_address(self._resolver, challenge.name, partial(self._ask, challenge))

    async def _ask(self, challenge: Challenge, address: str) -> str:
        where = f"{challenge.name} at {address}"
        try:
            certificate = await self._shown(address, asked_name(challenge.name))
        except NotReached as problem:
            return (
                f"{where} does not answer on port 443 ({problem}). Let it through to this machine "
                f"(router, firewall), {_ELSE}"
            )
        except NotSpoken as problem:
            return (
                f"{where} does not speak acme-tls/1 on port 443 ({problem}): another web server "
                f"or a proxy ends TLS there before Mailclad. Lead port 443 here, {_ELSE}"
            )
        if proves(certificate, challenge.key_authorization):
            return ""
        return f"{where} shows another server's answer on port 443: is it this machine's address?"
