"""Asks a TLS port as an ACME authority does for tls-alpn-01 (implements ``Shown``).

RFC 8737 §3.  Comes in: an address and a server name.  Goes out: the certificate that is shown,
whoever signed it.  Limit: seconds.
"""

import asyncio
import os

from mailclad.base.tls_policy import ACME_TLS
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.servers.channel import ConnectionLost
from mailclad.servers.dial import dial
from mailclad.servers.tls import ClientTrust
from mailclad.servers.tls_client import TlsClient
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.services.certificates.acme.solvers.look_tls_alpn import NotReached, NotSpoken

SECONDS = 10.0
"""For connection and handshake; authorities wait as long."""


class AskedByAcme:
    def __init__(self, trust: ClientTrust, port: int = 443, seconds: float = SECONDS) -> None:
        self._trust, self._port, self._seconds = trust, port, seconds

    async def __call__(self, address: str, name: str) -> bytes:
        demand = TlsDemand(TlsLevel.ENCRYPT, (name,))
        tls = TlsClient(self._trust, demand, protocols=(ACME_TLS,))
        try:
            async with asyncio.timeout(self._seconds):
                channel = await dial(address, self._port, tls, implicit=True)
        except TimeoutError:
            raise NotReached(f"no answer within {self._seconds:g} seconds") from None
        except (HandshakeFailed, ConnectionLost) as problem:
            raise NotSpoken(str(problem)) from None
        except OSError as problem:
            text = os.strerror(problem.errno) if problem.errno else str(problem)
            raise NotReached(text) from None
        try:
            if channel.tls is None or channel.tls.alpn != ACME_TLS:
                raise NotSpoken("it shows its usual certificate")
            return tls.chain()[0]
        finally:
            channel.abort()
