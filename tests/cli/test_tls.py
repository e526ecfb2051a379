"""mailclad tls, as people and programs read it; nothing of strangers reaches the terminal."""

from dataclasses import replace

import pytest

from mailclad.app.clock import SystemClock
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.tls_use import (
    DAY_SECONDS,
    DELIVERY,
    HOUR_SECONDS,
    FailureKind,
    TlsNoise,
    TlsUse,
)
from tests.cli.running import ADA, Cli
from tests.engines.sqlite.test_tls_use import FAILURE, SESSION
from tests.services.tls_watch.hellos import THUNDERBIRD, offer_of

pytestmark = pytest.mark.slow

EVIL = "\x1b[2J\x9b\u202e"


async def fill(store: SqliteStore) -> None:
    now = SystemClock().now() - 300
    day, hour = now // DAY_SECONDS, now // HOUR_SECONDS
    old = replace(FAILURE, hour=hour, last_at=now)
    distrust = replace(
        old,
        kind=FailureKind.DISTRUST,
        network="",
        address="198.51.100.3",
        offer=offer_of(THUNDERBIRD),
        received_alert=42,
        certificate=EVIL,
        server_name=EVIL,
    )
    sessions = [
        replace(SESSION, day=day, last_at=now, offer=FAILURE.offer, program=""),
        replace(SESSION, day=day, last_at=now, service=DELIVERY, who=EVIL, network="", offer=None),
        replace(SESSION, day=day, last_at=now, version="TLSv1.3", number=990, program=EVIL),
    ]
    noise = [TlsNoise(day, "imap", 993, FailureKind.GARBAGE, 1_234, now)]
    await store.add_tls_use(TlsUse([old, distrust], noise, sessions))


def test_failures(cli: Cli) -> None:
    assert "No handshake of a mail program failed in 7 days." in cli("tls", "failures")
    cli.on_store(fill)
    text = cli("tls", "failures")
    sentence = f"✕ Outlook or another program on Windows 7 or 8 of {ADA} offers only TLS 1.0."
    assert sentence in " ".join(text.split())
    assert "2 times, last" in text
    assert "(CLIENT-701)" in text
    assert "1,234 spoke no TLS at all" in text
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert text.index("Windows 7") < text.index("Thunderbird")  # ours first


def test_failures_for_programs(cli: Cli) -> None:
    cli.on_store(fill)
    told = cli.json("tls", "failures", "--since", "30")
    first, second = told["failures"]
    assert (first["accounts"], first["finding"], first["number"]) == ([ADA], "CLIENT-701", 2)
    assert first["sure"] == "surely"
    assert second["finding"] == "CERT-302"
    assert told["noise"] == {"no TLS": 1234}


def test_preview(cli: Cli) -> None:
    assert "No connection has been counted yet" in cli("tls", "preview", "--min", "1.3")
    cli.on_store(fill)
    text = cli("tls", "preview", "--min", "1.3")
    assert "10 of 1,000 connections would have failed" in text
    assert f"{ADA}: Outlook or another program on Windows 7 or 8, 5 times" in text
    assert "Counted since" in text
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "none of 1,000 connections" in cli("tls", "preview", "--min", "1.2")


def test_preview_for_programs(cli: Cli) -> None:
    cli.on_store(fill)
    found = cli.json("tls", "preview")
    assert (found["min"], found["connections"], found["failing"]) == ("1.3", 1000, 10)
    (person,) = found["people"]
    assert (person["who"], person["version"], person["number"]) == (ADA, "TLSv1.2", 5)
    assert len(found["servers"]) == 1
