"""Certificates of ACME authorities: rows with chain and key, one live in each place.

``read_certificates`` is for the supervisor, which must hold no connection while it forks.
"""

import json
from pathlib import Path
from typing import Any

import apsw

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.connection import READ_CACHE_KIB, first_row, open_index, rows
from mailclad.engines.sqlite.problem import problem_of
from mailclad.engines.sqlite.transaction import Transaction
from mailclad.engines.sqlite.verbs import Verbs
from mailclad.store.certificates import CertificateState, KeptCertificate, KeptCertificates
from mailclad.store.errors import CertificateNotFound

_LIST = (
    "SELECT id, names, chain_pem, key_pem, kind, authority, not_before, not_after, state,"
    " made_at, note, series FROM certificate ORDER BY id DESC"
)
_DROP_STAGED = "DELETE FROM certificate WHERE series = ? AND kind = ? AND state = 'staged'"
_STAGE = (
    "INSERT INTO certificate (series, kind, names, chain_pem, key_pem, authority, not_before,"
    " not_after, state, made_at, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'staged', ?, ?)"
    " RETURNING id"
)
_PLACE = "SELECT series, kind FROM certificate WHERE id = ?"
_LEAVE_PLACE = (
    "UPDATE certificate SET state = 'retired' WHERE series = ? AND kind = ? AND state = 'live'"
    " AND id != ?"
)
_SETTLE = "UPDATE certificate SET state = ?2, note = ?3 WHERE id = ?1"
_FORGET = (
    "DELETE FROM certificate WHERE state IN ('retired', 'refused') AND not_after < ? RETURNING id"
)
_HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE name = 'certificate'"


class SqliteCertificates(Verbs, KeptCertificates):
    async def certificates(self) -> tuple[KeptCertificate, ...]:
        return self._readers.here(_list)

    async def stage_certificate(self, certificate: KeptCertificate) -> int:
        return await self._write(_stage, certificate)

    async def settle_certificate(
        self, certificate: int, state: CertificateState, note: str
    ) -> None:
        await self._write(_settle, certificate, state, note)

    async def forget_certificates(self, ended_before: int) -> int:
        return await self._write(_forget, ended_before)


def read_certificates(directory: Path) -> tuple[KeptCertificate, ...]:
    """Those of a store that nobody in this process has open, the newest first; none without one.

    A connection that lives for this call only.  Raises StoreProblem.
    """
    index = directory / "index.db"
    if not index.exists():
        return ()
    try:
        db = open_index(index, cache_kib=READ_CACHE_KIB)
        try:
            return _list(db) if first_row(db, _HAS_TABLE) is not None else ()
        finally:
            db.close()
    except (OSError, apsw.Error) as error:
        raise problem_of(error) from error


def _list(db: apsw.Connection) -> tuple[KeptCertificate, ...]:
    return tuple(map(_kept, rows(db, _LIST)))


def _kept(row: tuple[Any, ...]) -> KeptCertificate:
    id_, names, chain, key, kind, authority, begins, ends, state, made_at, note, series = row
    return KeptCertificate(
        id=id_,
        names=tuple(json.loads(names)),
        chain_pem=chain,
        key_pem=Secret(key),
        kind=kind,
        authority=authority,
        not_before=begins,
        not_after=ends,
        state=CertificateState(state),
        made_at=made_at,
        note=note,
        series=series,
    )


def _stage(tx: Transaction, certificate: KeptCertificate) -> int:
    rows(tx.db, _DROP_STAGED, (certificate.series, certificate.kind))
    values = (
        certificate.series,
        certificate.kind,
        json.dumps(certificate.names),
        certificate.chain_pem,
        certificate.key_pem.reveal(),
        certificate.authority,
        certificate.not_before,
        certificate.not_after,
        certificate.made_at,
        certificate.note,
    )
    (row,) = rows(tx.db, _STAGE, values)
    return int(row[0])


def _settle(tx: Transaction, certificate: int, state: CertificateState, note: str) -> None:
    place = first_row(tx.db, _PLACE, (certificate,))
    if place is None:
        raise CertificateNotFound(f"there is no certificate {certificate}")
    if state is CertificateState.LIVE:
        rows(tx.db, _LEAVE_PLACE, (*place, certificate))
    rows(tx.db, _SETTLE, (certificate, state.value, note))


def _forget(tx: Transaction, ended_before: int) -> int:
    return len(rows(tx.db, _FORGET, (ended_before,)))
