"""Which TLS programs come with: counted, added up, forgotten."""

from collections.abc import Callable
from typing import Any

import apsw

from mailclad.base.tls_offer import Offer, fingerprint, unpack_offer
from mailclad.engines.sqlite.connection import first_row, rows
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.tls_use import (
    DAY_SECONDS,
    FAILURES_A_DAY,
    HOUR_SECONDS,
    KEPT_DAYS,
    PAGE_ROWS,
    SESSIONS_A_DAY,
    FailureKind,
    KeptTlsUse,
    TlsFailure,
    TlsNoise,
    TlsSession,
    TlsUse,
    Visitor,
)

_HOURS = DAY_SECONDS // HOUR_SECONDS

_KEEP_OFFER = (
    "INSERT INTO tls_offer VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET last_day = max(last_day, excluded.last_day)"
)
_AGAIN = "SET number = number + ?, last_at = max(last_at, ?)"
_FAILURE_KEY = "hour = ? AND service = ? AND port = ? AND address = ? AND kind = ?"
_FAILURE_AGAIN = (
    f"UPDATE tls_failure {_AGAIN} WHERE {_FAILURE_KEY} AND fingerprint = ? RETURNING 1"
)
_FAILURE = "INSERT INTO tls_failure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FAILURES_OF = "SELECT count(*) FROM tls_failure WHERE hour BETWEEN ? AND ?"
_NOISE = (
    "INSERT INTO tls_noise VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET number = number + excluded.number, last_at = max(last_at, excluded.last_at)"
)
_SESSION_KEY = (
    "day = ? AND service = ? AND version = ? AND suite = ? AND key_group = ? AND who = ?"
    " AND network = ? AND program = ? AND fingerprint = ?"
)
_SESSION_AGAIN = f"UPDATE tls_session {_AGAIN} WHERE {_SESSION_KEY} RETURNING 1"
_SESSION = "INSERT INTO tls_session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SESSIONS_OF = "SELECT count(*) FROM tls_session WHERE day = ?"

_READ_FAILURES = (
    "SELECT hour, service, port, address, network, kind, octets, server_name, alpn, sent_alert,"
    " received_alert, reason, certificate, number, last_at"
    " FROM tls_failure LEFT JOIN tls_offer USING (fingerprint) WHERE hour >= ?"
    " ORDER BY last_at DESC"
)
_READ_NOISE = "SELECT day, service, port, kind, number, last_at FROM tls_noise WHERE day >= ?"
_VISITORS = (
    "WITH failed AS (SELECT DISTINCT network, fingerprint FROM tls_failure WHERE hour >= ?)"
    " SELECT DISTINCT s.network, s.who, s.program, o.octets"
    " FROM tls_session s LEFT JOIN tls_offer o USING (fingerprint)"
    " WHERE s.who != '' AND s.day >= ?"
    " AND (s.network != '' AND s.network IN (SELECT network FROM failed)"
    " OR s.fingerprint != x'' AND s.fingerprint IN (SELECT fingerprint FROM failed))"
)
_READ_SESSIONS = (
    "SELECT min(day), service, version, suite, key_group, who, '', program, octets,"
    " sum(number), max(last_at)"
    " FROM tls_session LEFT JOIN tls_offer USING (fingerprint) WHERE day >= ?"
    " GROUP BY service, version, suite, key_group, who, program, fingerprint"
)
_FORGET_FAILURES = (
    "DELETE FROM tls_failure WHERE (hour, service, port, address, kind, fingerprint) IN"
    " (SELECT hour, service, port, address, kind, fingerprint FROM tls_failure"
    " WHERE hour < ? LIMIT ?) RETURNING 1"
)
_FORGET_SESSIONS = (
    "DELETE FROM tls_session WHERE"
    " (day, service, version, suite, key_group, who, network, program, fingerprint) IN"
    " (SELECT day, service, version, suite, key_group, who, network, program, fingerprint"
    " FROM tls_session WHERE day < ? LIMIT ?) RETURNING 1"
)
_FORGET_NOISE = (
    "DELETE FROM tls_noise WHERE (day, service, port, kind) IN"
    " (SELECT day, service, port, kind FROM tls_noise WHERE day < ? LIMIT ?) RETURNING 1"
)
_FORGET_OFFERS = (
    "DELETE FROM tls_offer WHERE fingerprint IN"
    " (SELECT fingerprint FROM tls_offer WHERE last_day < ? LIMIT ?) RETURNING 1"
)


class SqliteTlsUse(Verbs, KeptTlsUse):
    async def add_tls_use(self, use: TlsUse) -> None:
        await self._write(_add, use)

    async def tls_failures(self, since_hour: int) -> list[TlsFailure]:
        return await self._readers.there(_failures, since_hour)

    async def tls_noise(self, since_day: int) -> list[TlsNoise]:
        return await self._readers.there(_noise, since_day)

    async def tls_visitors(self, since_hour: int) -> list[Visitor]:
        return await self._readers.there(_visitors, since_hour)

    async def tls_sessions(self, since_day: int) -> list[TlsSession]:
        return await self._readers.there(_sessions, since_day)

    async def tls_counted_since(self) -> int | None:
        row = self._readers.here(first_row, "SELECT min(day) FROM tls_session", ())
        return None if row is None else row[0]

    async def forget_tls_use(self, before_day: int) -> int:
        return await self._write(_forget, before_day)


def _add(tx: Transaction, use: TlsUse) -> None:
    adding = _Adding(tx.db)
    for failure in use.failures:
        adding.failure(failure)
    for session in use.sessions:
        adding.session(session)
    for noise in use.noise:
        adding.noise(noise)


class _Adding:
    """What one process has counted; how much room a day has left is asked once."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._failures: dict[int, int] = {}
        self._sessions: dict[int, int] = {}

    def failure(self, one: TlsFailure) -> None:
        key = (one.hour, one.service, one.port, one.address, one.kind, _print(one.offer))
        if rows(self._db, _FAILURE_AGAIN, (one.number, one.last_at, *key)):
            return
        day = one.hour // _HOURS
        if not _has_room(self._failures, day, self._failures_left):
            self.noise(TlsNoise(day, one.service, one.port, one.kind, one.number, one.last_at))
            return
        details = (one.network, one.server_name, one.alpn, one.sent_alert, one.received_alert)
        texts = (one.reason, one.certificate)
        rows(self._db, _FAILURE, (*key, *details, *texts, one.number, one.last_at))
        self._keep(one.offer, day)

    def session(self, one: TlsSession) -> None:
        common = (one.day, one.service, one.version, one.suite, one.group)
        key = (*common, one.who, one.network, one.program, _print(one.offer))
        if rows(self._db, _SESSION_AGAIN, (one.number, one.last_at, *key)):
            return
        named = key != (*common, "", "", "", b"")
        if named and not _has_room(self._sessions, one.day, self._sessions_left):
            self.session(TlsSession(*common, "", "", "", None, one.number, one.last_at))
            return
        rows(self._db, _SESSION, (*key, one.number, one.last_at))
        self._keep(one.offer, one.day)

    def noise(self, one: TlsNoise) -> None:
        rows(
            self._db,
            _NOISE,
            (one.day, one.service, one.port, one.kind, one.number, one.last_at),
        )

    def _keep(self, offer: Offer | None, day: int) -> None:
        if offer is not None:
            rows(self._db, _KEEP_OFFER, (fingerprint(offer), offer.pack(), day))

    def _failures_left(self, day: int) -> int:
        hours = (day * _HOURS, day * _HOURS + _HOURS - 1)
        return FAILURES_A_DAY - int(first_row(self._db, _FAILURES_OF, hours)[0])

    def _sessions_left(self, day: int) -> int:
        return SESSIONS_A_DAY - int(first_row(self._db, _SESSIONS_OF, (day,))[0])


def _has_room(left: dict[int, int], day: int, ask: Callable[[int], int]) -> bool:
    """Whether one more may be made on that day; if so, it is counted."""
    if day not in left:
        left[day] = ask(day)
    left[day] -= 1
    return left[day] >= 0


def _failures(db: apsw.Connection, since_hour: int) -> list[TlsFailure]:
    return [_failure(*row) for row in rows(db, _READ_FAILURES, (since_hour,))]


def _failure(*row: Any) -> TlsFailure:
    *head, kind, octets = row[:7]
    fields: tuple[Any, ...] = (*head, FailureKind(kind), _offer(octets), *row[7:])
    return TlsFailure(*fields)


def _noise(db: apsw.Connection, since_day: int) -> list[TlsNoise]:
    return [
        TlsNoise(day, service, port, FailureKind(kind), number, last_at)
        for day, service, port, kind, number, last_at in rows(db, _READ_NOISE, (since_day,))
    ]


def _visitors(db: apsw.Connection, since_hour: int) -> list[Visitor]:
    since_day = since_hour // _HOURS - KEPT_DAYS
    return [
        Visitor(network, who, program, _offer(octets))
        for network, who, program, octets in rows(db, _VISITORS, (since_hour, since_day))
    ]


def _sessions(db: apsw.Connection, since_day: int) -> list[TlsSession]:
    return [_session(*row) for row in rows(db, _READ_SESSIONS, (since_day,))]


def _session(*row: Any) -> TlsSession:
    fields: tuple[Any, ...] = (*row[:8], _offer(row[8]), *row[9:])
    return TlsSession(*fields)


def _forget(tx: Transaction, before_day: int) -> int:
    """An offer is as young as the youngest row that names it."""
    gone = rows(tx.db, _FORGET_FAILURES, (before_day * _HOURS, PAGE_ROWS))
    for statement in (_FORGET_SESSIONS, _FORGET_NOISE, _FORGET_OFFERS):
        gone += rows(tx.db, statement, (before_day, PAGE_ROWS))
    return len(gone)


def _print(offer: Offer | None) -> bytes:
    return b"" if offer is None else fingerprint(offer)


def _offer(octets: bytes | None) -> Offer | None:
    return None if octets is None else unpack_offer(octets)
