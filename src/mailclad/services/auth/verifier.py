"""Compares what a client claims with what the store keeps.

In: login name, password or SCRAM proof, use, peer.  Out: the account, or an exception of
``outcome``.  The work does not tell accounts apart: a password in the form of an app
password costs one keyed hash, then whatever did not log in costs one argon2id, account or
not, disabled or not, wrong scope or not; SCRAM tries a multiple of eight keys.  App
passwords are not throttled (see ``throttle``); only chosen ones are remembered.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from mailclad.base.clock import Clock
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsFacts
from mailclad.protocols.sasl.prep import PrepProblem, prepare_password
from mailclad.protocols.sasl.scram import Keys
from mailclad.services.auth import app_password
from mailclad.services.auth.login_name import NOBODY, directory_key
from mailclad.services.auth.outcome import (
    FITTING,
    AuthenticationFailed,
    AuthenticationUnavailable,
    Use,
)
from mailclad.services.auth.password import SCRAM_ITERATIONS, PasswordChecker
from mailclad.services.auth.remembered import RememberedPasswords
from mailclad.services.auth.sign_ins import FailedSignIn, NobodyWatches, SignIn, SignIns
from mailclad.services.auth.throttle import Admission, Throttle
from mailclad.store.errors import StoreProblem
from mailclad.store.interface import Directory
from mailclad.store.model import Account, AppPassword, Credentials

KEYS_TRIED = 8
"""Keys are filled up to a multiple of this; few people have more programs."""

SALT_OCTETS = 16

Sleep = Callable[[float], Awaitable[None]]

_log = structlog.get_logger()
_UNFIT = b"\xff" * 512  # stands for a password that is not one: nothing fits it


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a client says it is; ``credentials`` is None when nobody has that address.

    ``login`` is as it was typed, ``made_at`` the time.
    """

    address: str
    credentials: Credentials | None
    use: Use
    peer: str
    login: str
    tls_version: str
    made_at: int

    @property
    def enabled(self) -> bool:
        return self.credentials is not None and not self.credentials.account.disabled

    @property
    def app_passwords(self) -> tuple[AppPassword, ...]:
        return self.credentials.app_passwords if self.credentials else ()

    def fits(self, one: AppPassword) -> bool:
        fits = self.enabled and one.scope in FITTING[self.use]
        return fits and not one.is_worthless(self.made_at)


@dataclass(frozen=True, slots=True)
class ScramSecrets:
    """What a SCRAM exchange needs; ``proofs`` says which app password each key is of."""

    salt: bytes
    iterations: int
    keys: tuple[Keys, ...]
    proofs: tuple[AppPassword | None, ...]


class Verifier:
    def __init__(
        self,
        directory: Directory,
        secret: bytes,
        checker: PasswordChecker,
        throttle: Throttle,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
        sign_ins: SignIns = NobodyWatches(),
    ) -> None:
        self._directory = directory
        self._secret = secret
        self._checker = checker
        self._throttle = throttle
        self._clock = clock
        self._remembered = RememberedPasswords(clock)
        self._sleep = sleep
        self._sign_ins = sign_ins

    async def claim(self, login: str, use: Use, peer: str, tls: TlsFacts | None) -> Claim:
        version = tls.version if tls is not None else ""
        now = self._clock.now()
        try:
            address = await directory_key(self._directory, login)
            found = await self._directory.credentials(address)
            return Claim(address, found, use, peer, login, version, now)
        except StoreProblem as problem:
            _log.warning("login not possible", reason=str(problem), peer=peer)
            raise AuthenticationUnavailable from problem

    async def same(self, authzid: str, claim: Claim) -> bool:
        """Whether the client wants to act as itself, the only one it may act as."""
        return not authzid or await directory_key(self._directory, authzid) == claim.address

    async def password(self, claim: Claim, password: Secret) -> Account:
        octets = _prepared(password)
        letters = app_password.letters_of(octets)
        if letters is not None:
            found = self._app_password(claim, letters)
            if found is not None:
                return self._welcome(claim, found)
        admission = await self._admitted(claim)
        try:
            chosen = await self._is_chosen_password(claim, octets, admission)
        except AuthenticationUnavailable:
            self._throttle.refund(admission)  # nothing was tried, so nobody learnt anything
            raise
        if chosen:
            return self._welcome(claim, None, admission)
        raise self._failure(claim, admission, like_app_password=letters is not None)

    def scram_secrets(self, claim: Claim) -> ScramSecrets:
        """For an account that is not there: a salt of its own, stable, and keys of nobody."""
        found = claim.credentials
        nobody: Keys = (self._derived("stored", claim.address), bytes(32))
        keys: list[tuple[Keys, AppPassword | None]] = []
        if found is not None:
            keys += [
                ((one.scram.stored_key, one.scram.server_key), one)
                for one in found.app_passwords
                if claim.fits(one)
            ]
            if found.scram is not None and claim.enabled:
                keys.append(((found.scram.stored_key, found.scram.server_key), None))
        missing = -len(keys) % KEYS_TRIED if keys else KEYS_TRIED
        keys += [(nobody, None)] * missing
        salt, iterations = self._derived("salt", claim.address)[:SALT_OCTETS], SCRAM_ITERATIONS
        if found is not None:
            salt, iterations = found.salt, found.iterations
        return ScramSecrets(
            salt, iterations, tuple(key for key, _ in keys), tuple(one for _, one in keys)
        )

    async def scram_result(
        self, claim: Claim, secrets: ScramSecrets, place: int | None
    ) -> Account:
        """What a checked proof means; ``place`` is that of the key which proved it."""
        if place is not None and secrets.proofs[place] is not None:
            return self._welcome(claim, secrets.proofs[place])
        admission = await self._admitted(claim)
        if place is None:
            raise self._failure(claim, admission)
        return self._welcome(claim, None, admission)

    async def _admitted(self, claim: Claim) -> Admission:
        try:
            admission = self._throttle.admit(claim.peer, claim.address)
        except AuthenticationUnavailable:
            _log.info("login turned away", address=claim.address, peer=claim.peer)
            raise
        if admission.seconds:
            await self._sleep(admission.seconds)
        return admission

    def _app_password(self, claim: Claim, letters: bytes) -> AppPassword | None:
        digest = app_password.digest(self._secret, letters)
        found = None
        for one in claim.app_passwords:
            if hmac.compare_digest(one.digest, digest) and claim.fits(one):
                found = one
        return found

    async def _is_chosen_password(self, claim: Claim, octets: bytes, admission: Admission) -> bool:
        found = claim.credentials
        password_hash = found.password_hash if found else None
        if found and password_hash and claim.enabled:
            account = found.account.id
            if self._remembered.holds(account, octets, password_hash):
                return True
            if await self._checker.verify(password_hash, octets, known=admission.known):
                self._remembered.add(account, octets, password_hash)
                return True
            return False
        await self._checker.verify(password_hash, octets, known=admission.known)
        return False

    def _welcome(
        self, claim: Claim, used: AppPassword | None, admission: Admission | None = None
    ) -> Account:
        assert claim.credentials is not None, "nothing proves an account that is not there"
        self._throttle.succeeded(claim.peer, claim.address, admission)
        account = claim.credentials.account
        self._sign_ins.signed_in(SignIn(account, used, claim.use, claim.peer, claim.tls_version))
        return account

    def _failure(
        self, claim: Claim, admission: Admission, *, like_app_password: bool | None = None
    ) -> AuthenticationFailed:
        """The reason is for the log alone: who runs the server may know, the client may not."""
        self._throttle.failed(admission)
        found = claim.credentials
        reason = "no such account" if found is None else "wrong password or scope"
        if found is not None and found.account.disabled:
            reason = "account disabled"
        _log.info("login failed", reason=reason, address=claim.address, peer=claim.peer)
        self._sign_ins.failed(
            FailedSignIn(
                found.account if found is not None else None,
                claim.use,
                claim.peer,
                "@" in claim.login or claim.address != NOBODY,
                like_app_password,
            )
        )
        return AuthenticationFailed()

    def _derived(self, purpose: str, address: str) -> bytes:
        text = f"{purpose}\0{address}".encode()
        return hashlib.blake2b(text, key=self._secret, digest_size=32, person=b"nobody").digest()


def _prepared(password: Secret) -> bytes:
    try:
        return prepare_password(password.reveal())
    except PrepProblem:
        return _UNFIT
