"""A real validating resolver below ours: signed, spoiled and unsigned zones (RFC 4035 §4.3)."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from mailclad.base.resolver import Answer, DnsBogus, Mx
from mailclad.engines.dns.resolver import DnsResolver
from tests.dns.signed import Address, Zone, signed_internet

pytestmark = pytest.mark.interop("unbound", "nsd", "ldns-signzone")

RECORDS = (
    "@ MX 10 mx",
    "mx A 192.0.2.1",
    f"_25._tcp.mx TLSA 3 1 1 {'ab' * 32}",
    "alias CNAME mx",
    "away CNAME mx.unsigned.test.",
    "long TXT" + f' "{"x" * 250}"' * 12,
)

ZONES = (
    Zone("signed.test", RECORDS),
    Zone(
        "spoiled.test",
        RECORDS,
        changed=lambda lines: [line.replace("192.0.2.1", "192.0.2.66") for line in lines],
    ),
    Zone("unsigned.test", RECORDS, signed=False),
)


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with signed_internet(tmp_path_factory.mktemp("internet"), ZONES) as internet:
        yield internet.validating


def ask(
    server: Address, question: Callable[[DnsResolver], Coroutine[Any, Any, Answer[Any]]]
) -> Answer[Any]:
    async def run() -> Answer[Any]:
        resolver = DnsResolver([server])
        try:
            return await question(resolver)
        finally:
            await resolver.close()

    return asyncio.run(run())


def test_a_signed_zone_is_secure(unbound: Address) -> None:
    mx = ask(unbound, lambda resolver: resolver.mx("signed.test"))
    assert (mx.records, mx.secure) == ((Mx(10, "mx.signed.test"),), True)
    tlsa = ask(unbound, lambda resolver: resolver.tlsa("_25._tcp.mx.signed.test"))
    assert tlsa.secure
    assert tlsa.records[0].data == b"\xab" * 32
    alias = ask(unbound, lambda resolver: resolver.addresses("alias.signed.test", 4))
    assert (alias.name, alias.records, alias.secure) == ("mx.signed.test", ("192.0.2.1",), True)


def test_that_there_is_nothing_is_secure_too(unbound: Address) -> None:
    nothing = ask(unbound, lambda resolver: resolver.addresses("mx.signed.test", 6))
    assert (nothing.records, nothing.exists, nothing.secure) == ((), True, True)
    nobody = ask(unbound, lambda resolver: resolver.tlsa("_25._tcp.nobody.signed.test"))
    assert (nobody.records, nobody.exists, nobody.secure) == ((), False, True)
    assert 0 < nobody.ttl <= 120


def test_an_unsigned_zone_is_not(unbound: Address) -> None:
    mx = ask(unbound, lambda resolver: resolver.mx("unsigned.test"))
    assert mx.records
    assert not mx.secure
    away = ask(unbound, lambda resolver: resolver.addresses("away.signed.test", 4))
    assert (away.name, away.records, away.secure) == ("mx.unsigned.test", ("192.0.2.1",), False)


def test_what_was_changed_after_signing_is_bogus(unbound: Address) -> None:
    assert ask(unbound, lambda resolver: resolver.mx("spoiled.test")).secure
    with pytest.raises(DnsBogus):
        ask(unbound, lambda resolver: resolver.addresses("mx.spoiled.test", 4))


def test_a_long_answer_comes_whole(unbound: Address) -> None:
    answer = ask(unbound, lambda resolver: resolver.txt("long.signed.test"))
    assert (answer.records, answer.secure) == ((b"x" * 3000,), True)
