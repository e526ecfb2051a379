"""Name servers of others take our zone text, and our updates where the key allows it."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import pytest

from mailclad.app.domain_update import carry_out, plan_update
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.engines.dns.update import TsigKey, UpdateRefused, parse_key
from mailclad.services.provision.dns_check import State, judge
from mailclad.services.provision.dns_records import DnsRecord, dns_records
from mailclad.services.provision.dns_view import look_up
from mailclad.services.provision.zone_text import zone_text
from tests.cli.running import Cli
from tests.services.provision.domains import FULL

pytestmark = pytest.mark.interop("knotd", "nsd-checkzone")

WAIT_SECONDS = 20.0
RECORDS = dns_records(FULL)
ZONE = """
@ 3600 IN SOA ns hostmaster 1 3600 600 86400 120
@ 3600 IN NS ns
ns 3600 IN A 127.0.0.1
"""
OLD = """
@ 60 IN MX 5 old.example.net.
@ 60 IN TXT "v=spf1 include:example.net ~all"
@ 60 IN TXT "site-verification=keep \\"me\\""
_dmarc 60 IN TXT "v=DMARC1; p=none"
autoconfig 60 IN A 192.0.2.77
"""
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA=="
KEY = f'key "tests" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'
CONF = """
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
database:
    storage: "{folder}"
key:
  - id: tests
    algorithm: hmac-sha256
    secret: {secret}
  - id: reader
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: updates
    key: tests
    action: update
zone:
  - domain: example.test
    storage: "{folder}"
    file: example.test.zone
    acl: updates
"""


@dataclass(frozen=True)
class Knot:
    server: tuple[str, int]


@pytest.fixture
def knot(tmp_path: Path) -> Iterator[Knot]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    (tmp_path / "example.test.zone").write_text("$ORIGIN example.test.\n" + ZONE + OLD)
    conf = tmp_path / "knot.conf"
    conf.write_text(CONF.format(folder=tmp_path, port=port, secret=SECRET))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["knotd", "-c", conf], stdout=log, stderr=log)
        try:
            _wait(("127.0.0.1", port), tmp_path / "log")
            yield Knot(("127.0.0.1", port))
        finally:
            process.terminate()
            process.wait(WAIT_SECONDS)


def _wait(server: tuple[str, int], log: Path) -> None:
    question = dns.message.make_query("example.test", "SOA")
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        try:
            if dns.query.tcp(question, server[0], 1, server[1]).answer:
                return
        except (OSError, EOFError, dns.exception.DNSException):
            time.sleep(0.05)
    pytest.fail(log.read_text())


def ask(knot: Knot, name: str, kind: str) -> list[str]:
    reply = dns.query.tcp(dns.message.make_query(name, kind), knot.server[0], 5, knot.server[1])
    return sorted(one.to_text() for rrset in reply.answer for one in rrset)


def update(knot: Knot, key: TsigKey, records: tuple[DnsRecord, ...] = RECORDS) -> int:
    plan = asyncio.run(plan_update(knot.server, "example.test", records))
    asyncio.run(carry_out(knot.server, key, plan))
    return len(plan.changes)


def test_an_update_brings_what_differs_and_keeps_the_rest(knot: Knot) -> None:
    assert update(knot, parse_key(KEY)) > 10
    assert ask(knot, "example.test", "MX") == ["10 mail.example.test."]
    assert ask(knot, "example.test", "TXT") == [
        '"site-verification=keep \\"me\\""',
        '"v=spf1 mx -all"',
    ]
    assert ask(knot, "autoconfig.example.test", "A") == ["192.0.2.77"]
    assert ask(knot, "_imap._tcp.example.test", "SRV") == ["0 0 0 ."]
    assert ask(knot, "autodiscover.example.test", "CNAME") == ["mail.example.test."]
    (key,) = ask(knot, "r1._domainkey.example.test", "TXT")
    assert key.count('" "') == 1  # 2,048 bits are longer than one string
    again = asyncio.run(plan_update(knot.server, "example.test", RECORDS))
    assert (again.zone, again.changes) == ("example.test", ())


def test_what_was_set_is_seen_as_right(knot: Knot) -> None:
    update(knot, parse_key(KEY))

    async def look() -> dict[str, State]:
        resolver = DnsResolver([knot.server])
        states = {}
        for record in RECORDS:
            said = await look_up(resolver, record.name, record.kind)
            states[f"{record.name} {record.kind}"] = judge(record, {"knot": said}).state
        await resolver.close()
        return states

    states = asyncio.run(look())
    assert states.pop("autoconfig.example.test CNAME") is State.MISSING  # it has an address
    assert set(states.values()) == {State.RIGHT}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (KEY.replace(SECRET, "d3Jvbmc="), "another secret"),
        (KEY.replace('"tests"', '"nobody"'), "does not take the key nobody"),
        (KEY.replace('"tests"', '"reader"'), "allows it nothing"),
    ],
)
def test_who_has_not_the_key_changes_nothing(knot: Knot, key: str, words: str) -> None:
    with pytest.raises(UpdateRefused, match=words):
        update(knot, parse_key(key))
    assert ask(knot, "example.test", "MX") == ["5 old.example.net."]


def test_a_zone_that_the_server_has_not(knot: Knot) -> None:
    with pytest.raises(UpdateRefused, match="REFUSED"):
        asyncio.run(plan_update(knot.server, "elsewhere.test", RECORDS))


def test_names_of_another_zone_are_told_of(knot: Knot) -> None:
    moved = tuple(
        DnsRecord(one.name.replace("mail.example.test", "mx.host.test"), *rest)
        for one in RECORDS
        for rest in [(one.kind, one.value, one.need, one.purpose)]
    )
    plan = asyncio.run(plan_update(knot.server, "example.test", moved))
    assert plan.outside == ("mx.host.test", "_25._tcp.mx.host.test")


CONFIG = """
[server]
hostname = "mail.example.test"
data = "data"
[tls]
private_ca = true
[[listen]]
service = "https"
tls = "implicit"
port = 443
[[listen]]
service = "imap"
tls = "implicit"
port = 993
"""
SENDING = """
[[listen]]
service = "submission"
tls = "implicit"
port = 465
"""


@pytest.mark.slow
def test_an_old_digest_of_settings_goes_at_the_second_update(knot: Knot, tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.file.write_text(CONFIG)
    cli("domain", "add", "example.test")
    key = tmp_path / "update.key"
    key.write_text(KEY)
    where = ("--update", "{}:{}".format(*knot.server), "--key", str(key), "--yes")

    def digests() -> list[str]:
        cli("domain", "dns", "example.test", *where)
        return ask(knot, "_ua-auto-config.example.test", "TXT")

    (old,) = digests()
    cli.file.write_text(CONFIG + SENDING)
    both = digests()
    assert len(both) == 2
    (new,) = digests()
    assert {old, new} == set(both)
    assert digests() == [new]


def test_the_zone_text_loads(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text("$ORIGIN example.test.\n" + ZONE + zone_text(RECORDS))
    program = shutil.which("nsd-checkzone", path="/usr/bin:/usr/sbin:/bin:/sbin")
    assert program is not None
    command = [program, "example.test", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
