"""Handshakes counted in memory, and written down every minute.

No handshake waits for it: a session costs one step in a dictionary, a failure is read once
(its ClientHello lies in memory anyway) and is then one too.  What was counted in the last minute
is lost with the process: this helps people, and nobody's mail depends on it.

Limits: ``WAITING_FAILURES`` and ``WAITING_SESSIONS`` in memory, those of ``store.tls_use`` on
disk; beyond them things are counted without their details.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import structlog

from mailclad.base.clock import Clock
from mailclad.base.tls_offer import Offer
from mailclad.base.tls_policy import Service, TlsFacts
from mailclad.protocols.tls.client_hello import ClientHello
from mailclad.services.receive.networks import HOST_BITS, network_of
from mailclad.services.tls_watch.meeting import (
    NAME_CHARACTERS,
    Meeting,
    cut_text,
    decoded,
    kind_of,
)
from mailclad.store.errors import StoreProblem
from mailclad.store.tls_use import (
    DAY_SECONDS,
    HOUR_SECONDS,
    NOISE,
    FailureKind,
    TlsFailure,
    TlsNoise,
    TlsSession,
    TlsUse,
    TlsUseCounter,
)

FLUSH_SECONDS = 60.0
"""What a crash may lose."""

WAITING_FAILURES = 1_000
"""Different ones in memory: a flood of them is counted by kind.  Some 2 MB."""

WAITING_SESSIONS = 5_000
"""Different ones: more people than one process serves.  Some 5 MB."""

NEWEST = "TLSv1.3"
"""Who comes with it would miss nothing, whatever is switched off: strangers stay unnamed."""

_SIGN_IN = frozenset({Service.IMAP, Service.POP3, Service.SUBMISSION})

_log = structlog.get_logger()

_FailureKey = tuple[int, str, int, str, FailureKind, Offer | None]
_SessionKey = tuple[int, str, str, str, str, str, str, str, Offer | None]
_NoiseKey = tuple[int, str, int, FailureKind]
_Key = TypeVar("_Key")


class TlsWatch(Protocol):
    def failed(self, meeting: Meeting) -> None:
        """A handshake came to nothing."""
        ...

    def session(
        self, service: str, facts: TlsFacts, address: str, who: str, program: str = ""
    ) -> None:
        """A connection under TLS; ``who`` is an account or another server, "" unknown."""
        ...


@dataclass(slots=True)
class _Failed:
    """The first of its kind within the hour, and how many there were."""

    first: TlsFailure
    number: int
    last_at: int


class Watching(TlsWatch):
    """Of one process."""

    def __init__(self, store: TlsUseCounter, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._failures: dict[_FailureKey, _Failed] = {}
        self._sessions: dict[_SessionKey, list[int]] = {}
        self._noise: dict[_NoiseKey, list[int]] = {}

    def failed(self, meeting: Meeting) -> None:
        now = self._clock.now()
        hello = meeting.hello
        offer = hello.offer if hello is not None else None
        kind = kind_of(meeting, offer)
        key = (now // HOUR_SECONDS, meeting.service, meeting.port, meeting.address, kind, offer)
        known = self._failures.get(key)
        if known is None:
            if kind in NOISE or len(self._failures) >= WAITING_FAILURES:
                noise = (now // DAY_SECONDS, meeting.service, meeting.port, kind)
                _count(self._noise, noise, 1, now)
                return
            self._failures[key] = _Failed(_first(key, meeting, hello), 1, now)
            return
        known.number += 1
        known.last_at = now

    def session(
        self, service: str, facts: TlsFacts, address: str, who: str, program: str = ""
    ) -> None:
        now = self._clock.now()
        common = (now // DAY_SECONDS, service, facts.version, facts.suite, facts.group or "")
        key: _SessionKey = (*common, "", "", "", None)
        if service in _SIGN_IN:
            if who:
                key = (*common, who, address, program, facts.offer)
        elif facts.version != NEWEST:
            key = (*common, who, "", program, facts.offer)
        if key not in self._sessions and len(self._sessions) >= WAITING_SESSIONS:
            key = (*common, "", "", "", None)
        _count(self._sessions, key, 1, now)

    async def run(self) -> None:
        """Write down now and then, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write down what was counted; what the store does not take waits for the next time."""
        failures, self._failures = self._failures, {}
        sessions, self._sessions = self._sessions, {}
        noise, self._noise = self._noise, {}
        if not (failures or sessions or noise):
            return
        try:
            await self._store.add_tls_use(
                TlsUse(
                    [
                        replace(one.first, number=one.number, last_at=one.last_at)
                        for one in failures.values()
                    ],
                    [TlsNoise(*key, *counted) for key, counted in noise.items()],
                    _sessions(sessions),
                )
            )
        except StoreProblem as problem:
            _log.warning("TLS use not written down", reason=str(problem))
            self._take_back(failures, sessions, noise)

    def _take_back(
        self,
        failures: dict[_FailureKey, _Failed],
        sessions: dict[_SessionKey, list[int]],
        noise: dict[_NoiseKey, list[int]],
    ) -> None:
        """What came meanwhile finds less room, as everything else would."""
        for key, failed in failures.items():
            if key in self._failures:
                self._failures[key].number += failed.number
            elif len(self._failures) < WAITING_FAILURES:
                self._failures[key] = failed
            else:
                hour, service, port, _, kind, _ = key
                day = hour * HOUR_SECONDS // DAY_SECONDS
                _count(self._noise, (day, service, port, kind), failed.number, failed.last_at)
        for session, (number, at) in sessions.items():
            full = session not in self._sessions and len(self._sessions) >= WAITING_SESSIONS
            bare: _SessionKey = (*session[:5], "", "", "", None)
            _count(self._sessions, bare if full else session, number, at)
        for one, (number, at) in noise.items():
            _count(self._noise, one, number, at)


def _count(counts: dict[_Key, list[int]], key: _Key, number: int, at: int) -> None:
    """How many, and when last."""
    known = counts.get(key)
    if known is None:
        counts[key] = [number, at]
    else:
        known[0] += number
        known[1] = max(known[1], at)


def _first(key: _FailureKey, meeting: Meeting, hello: ClientHello | None) -> TlsFailure:
    hour, service, port, address, kind, offer = key
    name = hello.server_name if hello is not None else None
    protocols = hello.alpn if hello is not None else ()
    return TlsFailure(
        hour=hour,
        service=service,
        port=port,
        address=address,
        network=network_of(address, HOST_BITS),
        kind=kind,
        offer=offer,
        server_name=decoded(name or b"", NAME_CHARACTERS),
        alpn=decoded(b", ".join(protocols)),
        sent_alert=meeting.sent_alert,
        received_alert=meeting.received_alert,
        reason=cut_text(meeting.reason),
        certificate=cut_text(meeting.certificate),
        number=1,
        last_at=0,
    )


def _sessions(counted: dict[_SessionKey, list[int]]) -> list[TlsSession]:
    """Addresses become networks here, not while somebody waits."""
    return [
        TlsSession(
            day=key[0],
            service=key[1],
            version=key[2],
            suite=key[3],
            group=key[4],
            who=cut_text(key[5], NAME_CHARACTERS),
            network=network_of(key[6], HOST_BITS),
            program=cut_text(key[7]),
            offer=key[8],
            number=number,
            last_at=last_at,
        )
        for key, (number, last_at) in counted.items()
    ]
