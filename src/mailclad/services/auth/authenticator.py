"""Who may log in, for every protocol alike: the one door to passwords and SASL.

RFC 4422, 4616, 5802, 7677, 9266, 5929.  In: a login name and a password, or the decoded
responses of a SASL exchange, with the peer's address and what the login is for.  Out: the
account, a challenge, or one of the exceptions of ``outcome``.  Trusts the store's
credentials and the TLS facts of its caller; offers nothing without TLS.  Never says
whether an account exists, in words or in the work it does.
"""

from mailclad.base.clock import Clock
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsFacts
from mailclad.protocols.sasl.mechanism import LOGIN, OFFERED, PLAIN, SCRAM, SCRAM_PLUS
from mailclad.services.auth.exchange import Exchange, PasswordExchange, ScramExchange
from mailclad.services.auth.outcome import (
    Authenticated,
    AuthenticationFailed,
    AuthenticationMalformed,
    AuthenticationUnavailable,
    Challenge,
    MechanismUnknown,
    Use,
)
from mailclad.services.auth.password import PasswordChecker
from mailclad.services.auth.sign_ins import NobodyWatches, SignIns
from mailclad.services.auth.throttle import Throttle, ThrottleTables
from mailclad.services.auth.verifier import Verifier
from mailclad.store.interface import Directory
from mailclad.store.model import Account

__all__ = [
    "Authenticated",
    "AuthenticationFailed",
    "AuthenticationMalformed",
    "AuthenticationUnavailable",
    "Authenticator",
    "Challenge",
    "Exchange",
    "MechanismUnknown",
    "Use",
    "make_authenticator",
]


class Authenticator:
    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def mechanisms(self, tls: TlsFacts | None, *, with_login: bool = False) -> tuple[str, ...]:
        """What to offer, strongest first: nothing without TLS; LOGIN is for submission."""
        if tls is None:
            return ()
        return (*OFFERED, LOGIN) if with_login else OFFERED

    async def password(
        self, login: str, password: Secret, use: Use, peer: str, tls: TlsFacts | None = None
    ) -> Account:
        """IMAP's LOGIN and POP3's PASS; the caller has seen to TLS."""
        claim = await self._verifier.claim(login, use, peer, tls)
        return await self._verifier.password(claim, password)

    def begin(self, mechanism: str, use: Use, peer: str, tls: TlsFacts) -> Exchange:
        """Start the exchange of a mechanism, in any case; raises MechanismUnknown.

        LOGIN is understood for submission only, where it is offered.
        """
        name = mechanism.upper()
        if name == PLAIN or (name == LOGIN and use is Use.SUBMISSION):
            return PasswordExchange(name, self._verifier, use, peer, tls)
        if name in {SCRAM, SCRAM_PLUS}:
            return ScramExchange(name, self._verifier, use, peer, tls)
        raise MechanismUnknown(name)


def make_authenticator(
    directory: Directory,
    secret: Secret,
    clock: Clock,
    tables: ThrottleTables,
    checker: PasswordChecker,
    sign_ins: SignIns = NobodyWatches(),
) -> Authenticator:
    """``secret`` is the installation's; ``tables`` are from before the fork, ``checker`` after."""
    throttle = Throttle(tables, clock)
    return Authenticator(
        Verifier(directory, secret.reveal(), checker, throttle, clock, sign_ins=sign_ins)
    )
