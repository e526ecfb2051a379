"""A real validating resolver below ours: signed, spoiled and unsigned zones (RFC 4035 §4.3)."""

import asyncio
import itertools
import socket
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.dnssec
import dns.dnssectypes
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mailclad.base.resolver import Answer, DnsBogus, Mx
from mailclad.engines.dns.resolver import DnsResolver

pytestmark = pytest.mark.interop("unbound")

ZONE = """
@ 300 IN SOA ns hostmaster 1 3600 600 86400 120
@ 300 IN NS ns
ns 300 IN A 127.0.0.1
@ 300 IN MX 10 mx
mx 300 IN A 192.0.2.1
_25._tcp.mx 300 IN TLSA 3 1 1 {digest}
alias 300 IN CNAME mx
away 300 IN CNAME mx.unsigned.test.
long 300 IN TXT {long}
""".format(digest="ab" * 32, long=" ".join(['"' + "x" * 250 + '"'] * 12))

CONF = """
server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  pidfile: ""
  directory: "{directory}"
  use-syslog: no
  verbosity: 1
  module-config: "validator iterator"
  local-zone: "test." nodefault
  do-not-query-localhost: no
{zones}
"""

AUTH_ZONE = """
auth-zone:
  name: "{name}."
  zonefile: "{name}.zone"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
"""


def write_zone(directory: Path, name: str, *, signed: bool, spoiled: bool = False) -> str:
    """Write the zone; returns its trust anchor, or ""."""
    zone = dns.zone.from_text(ZONE, origin=f"{name}.", relativize=False)
    anchor = ""
    if signed:
        private = ec.generate_private_key(ec.SECP256R1())
        key = dns.dnssec.make_dnskey(
            private.public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256, flags=257
        )
        now = datetime.now(UTC)
        with zone.writer() as transaction:
            dns.dnssec.sign_zone(
                zone,
                transaction,
                keys=[(private, key)],
                add_dnskey=True,
                inception=now - timedelta(hours=1),
                expiration=now + timedelta(days=1),
            )
        anchor = f'  trust-anchor: "{name}. DNSKEY {key.to_text()}"\n'
    text = zone.to_text()
    text = text.replace("192.0.2.1", "192.0.2.66") if spoiled else text  # after it was signed
    (directory / f"{name}.zone").write_text(text)
    return anchor


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    directory = tmp_path_factory.mktemp("unbound")
    anchors = write_zone(directory, "signed.test", signed=True)
    anchors += write_zone(directory, "spoiled.test", signed=True, spoiled=True)
    write_zone(directory, "unsigned.test", signed=False)
    zones = "".join(
        [AUTH_ZONE.format(name=f"{name}.test") for name in ("signed", "spoiled", "unsigned")]
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = directory / "unbound.conf"
    conf.write_text(CONF.format(port=port, directory=directory, zones=anchors + zones))
    with subprocess.Popen(
        ["/usr/sbin/unbound", "-d", "-p", "-c", str(conf)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = list(
            itertools.takewhile(lambda line: "start of service" not in line, process.stderr)
        )
        assert process.poll() is None, "".join(said)
        yield "127.0.0.1", port
        process.terminate()
        process.stderr.read()


def ask(
    server: tuple[str, int], question: Callable[[DnsResolver], Coroutine[Any, Any, Answer[Any]]]
) -> Answer[Any]:
    async def run() -> Answer[Any]:
        resolver = DnsResolver([server])
        try:
            return await question(resolver)
        finally:
            await resolver.close()

    return asyncio.run(run())


def test_a_signed_zone_is_secure(unbound: tuple[str, int]) -> None:
    mx = ask(unbound, lambda resolver: resolver.mx("signed.test"))
    assert (mx.records, mx.secure) == ((Mx(10, "mx.signed.test"),), True)
    tlsa = ask(unbound, lambda resolver: resolver.tlsa("_25._tcp.mx.signed.test"))
    assert tlsa.secure
    assert tlsa.records[0].data == b"\xab" * 32
    alias = ask(unbound, lambda resolver: resolver.addresses("alias.signed.test", 4))
    assert (alias.name, alias.records, alias.secure) == ("mx.signed.test", ("192.0.2.1",), True)


def test_that_there_is_nothing_is_secure_too(unbound: tuple[str, int]) -> None:
    nothing = ask(unbound, lambda resolver: resolver.addresses("mx.signed.test", 6))
    assert (nothing.records, nothing.exists, nothing.secure) == ((), True, True)
    nobody = ask(unbound, lambda resolver: resolver.tlsa("_25._tcp.nobody.signed.test"))
    assert (nobody.records, nobody.exists, nobody.secure) == ((), False, True)
    assert 0 < nobody.ttl <= 120


def test_an_unsigned_zone_is_not(unbound: tuple[str, int]) -> None:
    mx = ask(unbound, lambda resolver: resolver.mx("unsigned.test"))
    assert mx.records
    assert not mx.secure
    away = ask(unbound, lambda resolver: resolver.addresses("away.signed.test", 4))
    assert (away.name, away.records, away.secure) == ("mx.unsigned.test", ("192.0.2.1",), False)


def test_what_was_changed_after_signing_is_bogus(unbound: tuple[str, int]) -> None:
    assert ask(unbound, lambda resolver: resolver.mx("spoiled.test")).secure
    with pytest.raises(DnsBogus):
        ask(unbound, lambda resolver: resolver.addresses("mx.spoiled.test", 4))


def test_a_long_answer_comes_whole(unbound: tuple[str, int]) -> None:
    answer = ask(unbound, lambda resolver: resolver.txt("long.signed.test"))
    assert (answer.records, answer.secure) == ((b"x" * 3000,), True)
