"""The SASL exchanges of the server: pure step machines fed from the verifier.

RFC 4422 §3 to §5.  In: decoded responses.  Out: challenges, then who it is.  An exchange
that raised or finished is over: it answers nothing more.
"""

import secrets
from typing import Protocol

from mailclad.base.tls_policy import TlsFacts
from mailclad.protocols.sasl import mechanism
from mailclad.protocols.sasl.login import LoginServer
from mailclad.protocols.sasl.plain import PasswordAttempt, parse_plain
from mailclad.protocols.sasl.problem import SaslProblem, SaslRefused
from mailclad.protocols.sasl.scram import ScramServer
from mailclad.services.auth.outcome import (
    Authenticated,
    AuthenticationFailed,
    AuthenticationMalformed,
    Challenge,
    Use,
)
from mailclad.services.auth.verifier import Claim, ScramSecrets, Verifier
from mailclad.store.model import Account

NONCE_OCTETS = 18
"""144 random bits, 24 characters (RFC 5802 §5.1 asks for no less than "random")."""


class Exchange(Protocol):
    """One SASL exchange; after an exception or ``Authenticated`` it is over."""

    async def step(self, response: bytes | None) -> Challenge | Authenticated:
        """Take the client's decoded response; None when it sent no initial response.

        SCRAM's last message goes out as a Challenge; the empty answer to it yields
        Authenticated.
        """
        ...


class PasswordExchange:
    """PLAIN and LOGIN: the password itself, under TLS."""

    def __init__(self, name: str, verifier: Verifier, use: Use, peer: str, tls: TlsFacts) -> None:
        self._name = name
        self._tls = tls
        self._verifier = verifier
        self._use = use
        self._peer = peer
        self._login = LoginServer() if name == mechanism.LOGIN else None

    async def step(self, response: bytes | None) -> Challenge | Authenticated:
        found = self._read(response)
        if isinstance(found, bytes):
            return Challenge(found)
        claim = await self._verifier.claim(found.login, self._use, self._peer, self._tls)
        if not await self._verifier.same(found.authzid, claim):
            raise AuthenticationFailed
        account = await self._verifier.password(claim, found.password)
        return Authenticated(account, self._name)

    def _read(self, response: bytes | None) -> bytes | PasswordAttempt:
        try:
            if self._login is not None:
                return self._login.step(response)
            return b"" if response is None else parse_plain(response)
        except SaslProblem as problem:
            raise AuthenticationMalformed(str(problem)) from None


class ScramExchange:
    """SCRAM-SHA-256 and -PLUS; ``tls`` is the channel it can bind to."""

    def __init__(self, name: str, verifier: Verifier, use: Use, peer: str, tls: TlsFacts) -> None:
        self._name = name
        self._verifier = verifier
        self._use = use
        self._peer = peer
        self._tls = tls
        bindings = {"tls-exporter": tls.exporter, "tls-server-end-point": tls.end_point}
        self._scram = ScramServer(
            secrets.token_urlsafe(NONCE_OCTETS), bindings, plus=name == mechanism.SCRAM_PLUS
        )
        self._claimed: tuple[Claim, ScramSecrets] | None = None
        self._proven: Account | None = None

    async def step(self, response: bytes | None) -> Challenge | Authenticated:
        if response is None and self._claimed is None:
            return Challenge(b"")
        response = response or b""
        try:
            if self._proven is not None:
                return self._end(response)
            if self._claimed is not None:
                return await self._final(response, *self._claimed)
            return await self._first(response)
        except SaslProblem as problem:
            raise AuthenticationMalformed(str(problem)) from None
        except SaslRefused:
            raise AuthenticationFailed from None

    async def _first(self, response: bytes) -> Challenge:
        login = self._scram.first(response)
        claim = await self._verifier.claim(login, self._use, self._peer, self._tls)
        known = self._verifier.scram_secrets(claim)
        self._claimed = claim, known
        return Challenge(self._scram.challenge(known.salt, known.iterations))

    async def _final(self, response: bytes, claim: Claim, known: ScramSecrets) -> Challenge:
        place = self._scram.final(response, known.keys)
        if not await self._verifier.same(self._scram.authzid, claim):
            raise AuthenticationFailed
        self._proven = await self._verifier.scram_result(claim, known, place)
        assert place is not None, "scram_result raises where nothing was proven"
        return Challenge(self._scram.server_final(known.keys[place][1]))

    def _end(self, response: bytes) -> Authenticated:
        """RFC 4422 §5: the client's answer to the last challenge is empty."""
        if response:
            raise SaslProblem("after the server's proof the client answers with nothing")
        assert self._proven is not None
        return Authenticated(self._proven, self._name)
