"""DKIM signatures for what our people send (RFC 6376 §5).

In come a message as it will leave and the domain that answers for it; out come the fields to
stand before it, none where the domain has no active key.  Keys are read again after
``REFRESH_SECONDS``.  A message of more than ``THREAD_OCTETS`` is signed on a thread.
"""

import asyncio
from dataclasses import dataclass

import structlog

from mailclad.base.clock import Clock
from mailclad.base.octets import THREAD_OCTETS, Octets
from mailclad.mail.dkim.message import HeaderTooLong, SignedMessage
from mailclad.mail.dkim.sign import sign_parts
from mailclad.mail.dkim.signing_key import KeyProblem, SigningKey, load_key
from mailclad.mail.headers import find_body
from mailclad.store.signing_keys import KeyState, SigningKeys, StoredKey

REFRESH_SECONDS = 30.0
"""A key that was activated signs, and one that was retired signs no more, within a minute."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Ring:
    """A domain's active keys as they were read; ``stored`` tells whether they are the same."""

    read_at: float
    stored: tuple[StoredKey, ...]
    keys: tuple[SigningKey, ...]


class Signing:
    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._rings: dict[str, _Ring] = {}

    async def sign(self, domain: str, header: bytes, octets: Octets, body_start: int) -> bytes:
        """The signature fields of a header with the body in ``octets``.

        A message whose header is absurdly long leaves without.
        """
        keys = await self._active(domain)
        if not keys:
            return b""
        try:
            now = self._clock.now()
            if len(octets) > THREAD_OCTETS:
                return await asyncio.to_thread(_sign, header, octets, body_start, keys, now)
            return _sign(header, octets, body_start, keys, now)
        except HeaderTooLong:
            _log.warning("message not signed", domain=domain, reason="its header is too long")
            return b""

    async def sign_message(self, octets: Octets, domain: str) -> bytes:
        """The signature fields of a whole message of our own making."""
        body_start = find_body(octets)
        return await self.sign(domain, octets[:body_start], octets, body_start)

    async def _active(self, domain: str) -> tuple[SigningKey, ...]:
        ring = self._rings.get(domain)
        if ring is None or self._clock.monotonic() - ring.read_at >= REFRESH_SECONDS:
            ring = self._rings[domain] = await self._read(domain, ring)
        return ring.keys

    async def _read(self, domain: str, before: _Ring | None) -> _Ring:
        now = self._clock.monotonic()
        found = await self._keys.signing_keys(domain)
        stored = tuple([key for key in found if key.state is KeyState.ACTIVE])
        if not stored:
            return _Ring(now, (), ())
        if before is not None and _names(stored) == _names(before.stored):
            return _Ring(now, stored, before.keys)
        return _Ring(now, stored, await asyncio.to_thread(_load, stored))


def _sign(
    header: bytes, octets: Octets, body_start: int, keys: tuple[SigningKey, ...], now: int
) -> bytes:
    return sign_parts(SignedMessage(header), octets, body_start, keys, now)


def _names(stored: tuple[StoredKey, ...]) -> list[tuple[str, int]]:
    return [(key.selector, key.created_at) for key in stored]


def _load(stored: tuple[StoredKey, ...]) -> tuple[SigningKey, ...]:
    keys = []
    for key in stored:
        try:
            keys.append(load_key(key.pem, key.domain, key.selector))
        except KeyProblem as problem:  # the others sign all the same
            _log.error("DKIM key unusable", key=f"{key.selector}._domainkey.{key.domain}",
                       reason=str(problem))  # fmt: skip
    return tuple(keys)
