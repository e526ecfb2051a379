"""Who would have failed, had only newer versions of TLS been spoken.

Comes in: sessions of the last days.  Goes out: programs, people and other servers that came
with less, the most frequent first.  Pure.  A session shows the newest that both sides speak, so
who came with TLS 1.2 has no TLS 1.3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailclad.base.tls_policy import Service
from mailclad.services.tls_watch.known import Program, program_of
from mailclad.store.tls_use import DELIVERY, TlsSession

ORDER: Mapping[str, int] = {"TLSv1": 1, "TLSv1.1": 2, "TLSv1.2": 3, "TLSv1.3": 4}
"""As OpenSSL spells them; an unknown one counts as the oldest."""

CHOICES: Mapping[str, str] = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


@dataclass(slots=True)
class Loser:
    """``who`` is "" for connections on which nobody signed in, or without a name."""

    service: str
    who: str
    program: Program
    version: str
    number: int = 0
    last_at: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """``total`` are all sessions, ``lost`` those that would have failed."""

    people: tuple[Loser, ...]
    servers: tuple[Loser, ...]
    total: int
    lost: int


def preview(sessions: Iterable[TlsSession], minimum: str) -> Preview:
    """``minimum`` is a key of ``CHOICES``."""
    least = ORDER[CHOICES[minimum]]
    losers: dict[tuple[object, ...], Loser] = {}
    total = lost = 0
    for one in sessions:
        total += one.number
        if ORDER.get(one.version, 0) >= least:
            continue
        lost += one.number
        program = program_of(one.offer, [one.program])
        key = (one.service, one.who, program, one.version)
        loser = losers.setdefault(key, Loser(one.service, one.who, program, one.version))
        loser.number += one.number
        loser.last_at = max(loser.last_at, one.last_at)
    ordered = sorted(losers.values(), key=lambda loser: (not loser.who, -loser.number))
    servers = {Service.SMTP, DELIVERY}
    return Preview(
        tuple(one for one in ordered if one.service not in servers),
        tuple(one for one in ordered if one.service in servers),
        total,
        lost,
    )
