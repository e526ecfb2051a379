"""What TLS programs come with, as the store keeps it."""

from dataclasses import replace
from pathlib import Path

import pytest

from mailclad.engines.sqlite import tls_use
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.store.tls_use import (
    DAY_SECONDS,
    FailureKind,
    TlsFailure,
    TlsNoise,
    TlsSession,
    TlsUse,
    Visitor,
)
from tests.engines.stores import opened, run
from tests.services.tls_watch.hellos import THUNDERBIRD, WINDOWS_7, offer_of

DAY = 20_000
AT = DAY * DAY_SECONDS + 7_300
FAILURE = TlsFailure(
    hour=DAY * 24 + 2,
    service="imap",
    port=993,
    address="192.0.2.7",
    network="192.0.2.7/32",
    kind=FailureKind.OLD_VERSIONS,
    offer=offer_of(WINDOWS_7),
    server_name="mail.test",
    alpn="",
    sent_alert=70,
    received_alert=None,
    reason="unsupported protocol",
    certificate="",
    number=2,
    last_at=AT,
)
SESSION = TlsSession(
    day=DAY,
    service="imap",
    version="TLSv1.2",
    suite="suite",
    group="X25519",
    who="ada@example.org",
    network="192.0.2.7/32",
    program="Thunderbird 128",
    offer=offer_of(THUNDERBIRD),
    number=5,
    last_at=AT,
)
NOISE = TlsNoise(DAY, "imap", 993, FailureKind.GARBAGE, 100, AT)


def test_counts_add_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as store:
            assert await store.tls_counted_since() is None
            use = TlsUse([FAILURE], [NOISE], [SESSION])
            await store.add_tls_use(use)
            later = replace(SESSION, day=DAY + 1, last_at=AT + DAY_SECONDS, network="other")
            again = replace(FAILURE, number=1, last_at=AT + 5, reason="another")
            await store.add_tls_use(TlsUse([again], [NOISE], [SESSION, later]))
            assert await store.tls_failures(0) == [replace(FAILURE, number=3, last_at=AT + 5)]
            assert await store.tls_noise(0) == [replace(NOISE, number=200)]
            (summed,) = await store.tls_sessions(0)
            assert summed == replace(SESSION, network="", number=15, last_at=AT + DAY_SECONDS)
            assert await store.tls_counted_since() == DAY
            assert await store.tls_failures(FAILURE.hour + 1) == []

    run(scenario())
    assert verify(tmp_path) == []


def test_visitors_are_found_by_network_and_by_offer(tmp_path: Path) -> None:
    same_offer = replace(SESSION, who="bob@example.org", network="b", offer=FAILURE.offer)
    nobody_asks = replace(SESSION, who="eve@example.org", network="elsewhere")
    nameless = replace(SESSION, who="", program="", offer=None)

    async def scenario() -> list[Visitor]:
        async with opened(tmp_path) as store:
            sessions = [SESSION, same_offer, nobody_asks, nameless]
            await store.add_tls_use(TlsUse([FAILURE], [], sessions))
            return await store.tls_visitors(0)

    assert {one.who for one in run(scenario())} == {"ada@example.org", "bob@example.org"}


def test_a_full_day_is_counted_without_details(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_use, "FAILURES_A_DAY", 3)
    monkeypatch.setattr(tls_use, "SESSIONS_A_DAY", 3)
    failures = [replace(FAILURE, address=f"192.0.2.{number}") for number in range(5)]
    sessions = [replace(SESSION, who=f"u{number}@example.org") for number in range(5)]

    async def scenario(store: SqliteStore) -> None:
        await store.add_tls_use(TlsUse(failures[:2], [], sessions[:2]))
        await store.add_tls_use(TlsUse(failures, [], sessions))
        assert len(await store.tls_failures(0)) == 3
        (noise,) = await store.tls_noise(0)
        assert (noise.kind, noise.number) == (FailureKind.OLD_VERSIONS, 4)
        kept = await store.tls_sessions(0)
        assert sorted(one.who for one in kept) == ["", *(one.who for one in sessions[:3])]
        assert sum(one.number for one in kept) == 7 * SESSION.number

    async def main() -> None:
        async with opened(tmp_path) as store:
            await scenario(store)

    run(main())


def test_what_is_old_is_forgotten_with_its_offers(tmp_path: Path) -> None:
    young = replace(SESSION, day=DAY + 10, offer=FAILURE.offer)

    async def scenario() -> None:
        async with opened(tmp_path) as store:
            await store.add_tls_use(TlsUse([FAILURE], [NOISE], [SESSION]))
            await store.add_tls_use(TlsUse([], [], [young]))
            assert await store.forget_tls_use(DAY) == 0
            # a failure, a session, a kind of noise, Thunderbird's offer
            assert await store.forget_tls_use(DAY + 1) == 4
            assert await store.forget_tls_use(DAY + 1) == 0
            assert await store.tls_sessions(0) == [replace(young, network="")]
            assert await store.tls_failures(0) == []
            assert await store.tls_noise(0) == []

    run(scenario())
