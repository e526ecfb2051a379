"""The doctor where the store is damaged, too new or held, and what the recorder has seen."""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from mailclad.app.open import opened
from mailclad.store.tls_use import (
    DAY_SECONDS,
    HOUR_SECONDS,
    FailureKind,
    TlsFailure,
    TlsSession,
    TlsUse,
)
from tests.app.served import ADA, Served
from tests.app.test_doctor import doctor, ids, is_proven
from tests.faults.serving import wait_until
from tests.services.tls_watch.hellos import WINDOWS_7, offer_of

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, workers=1)
    made.prepare()
    (tmp_path / "key.pem").chmod(0o600)
    yield made
    made.end()


@pytest.fixture
def running(served: Served) -> Served:
    served.start()
    wait_until(lambda: is_proven(served), "nothing is proven")
    return served


def index(served: Served) -> Path:
    return served.folder / "data" / "index.db"


def make_newer(file: Path) -> None:
    db = apsw.Connection(str(file))
    db.execute("PRAGMA user_version=9999")
    db.close()


def damage(file: Path) -> None:
    for part in ("-wal", "-shm"):
        file.with_name(file.name + part).unlink(missing_ok=True)
    file.write_bytes(b"\xff" * file.stat().st_size)


def damage_within(file: Path) -> None:
    """It opens, and cannot be read."""
    db = apsw.Connection(str(file))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
    octets = bytearray(file.read_bytes())
    octets[4096:] = b"\xff" * (len(octets) - 4096)
    file.write_bytes(octets)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (make_newer, "schema 9999, made by a later version"),
        (damage, "not a database"),
        (damage_within, "malformed"),
    ],
)
def test_a_store_that_cannot_be_read_is_told_and_the_rest_is_seen(
    served: Served, harm: object, words: str
) -> None:
    assert callable(harm)
    harm(index(served))
    (served.folder / "key.pem").chmod(0o644)
    report = doctor(served)
    assert ids(report) == ["HOST-808", "CERT-313", "HOST-815"]
    assert words in report["findings"][2]["saw"]
    assert report["exit_status"] == 2


def test_a_store_that_is_newer_beside_a_server_that_runs(running: Served) -> None:
    make_newer(index(running))
    report = doctor(running, "--fix")
    assert ids(report) == ["HOST-815"]
    assert "Every port of the settings is served." in report["fine"]
    assert "No mail has waited for long." not in report["fine"]


def test_a_store_that_somebody_holds_is_not_waited_for(
    running: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.app.doctor_store.LOCK_SECONDS", 0.2)
    lock = os.open(running.folder / "data" / "locks" / "write.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        report = doctor(running)
    finally:
        os.close(lock)
    assert ids(report) == ["HOST-815"]
    assert "a process holds the lock" in report["findings"][0]["saw"]


NOW = int(datetime.now(UTC).timestamp())


def failure(address: str, at: int = NOW) -> TlsFailure:
    return TlsFailure(
        hour=at // HOUR_SECONDS,
        service="imap",
        port=993,
        address=address,
        network=f"{address}/32",
        kind=FailureKind.OLD_VERSIONS,
        offer=offer_of(WINDOWS_7),
        server_name="",
        alpn="",
        sent_alert=70,
        received_alert=None,
        reason="unsupported protocol",
        certificate="",
        number=2,
        last_at=at,
    )


def session(address: str) -> TlsSession:
    return TlsSession(
        day=NOW // DAY_SECONDS,
        service="imap",
        version="TLSv1.3",
        suite="suite",
        group="X25519",
        who=ADA,
        network=f"{address}/32",
        program="",
        offer=None,
        number=1,
        last_at=NOW,
    )


def count(served: Served, use: TlsUse) -> None:
    async def add() -> None:
        async with opened(served.folder / "data") as things:
            await things.store.add_tls_use(use)

    asyncio.run(add())


def test_programs_that_failed_today(running: Served) -> None:
    count(running, TlsUse([failure("192.0.2.8")]))
    report = doctor(running)
    assert ids(report) == ["HOST-814"]
    assert report["exit_status"] == 0, "nobody knows them"
    count(running, TlsUse([failure("192.0.2.7")], sessions=[session("192.0.2.7")]))
    report = doctor(running)
    assert ids(report) == ["HOST-814"]
    assert f"of {ADA} offers only TLS 1.0" in report["findings"][0]["saw"]
    assert report["exit_status"] == 1


def test_our_own_looks_and_what_is_long_ago_are_no_failures(running: Served) -> None:
    long_ago = failure("192.0.2.7", NOW - 2 * DAY_SECONDS)
    count(running, TlsUse([failure("127.0.0.1"), long_ago], sessions=[session("127.0.0.1")]))
    assert ids(doctor(running)) == []
