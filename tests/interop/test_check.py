"""``check`` in an Internet of its own: a whole server at real ports, and one that says nothing."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.app.check import Asking, check_target
from mailclad.app.config import Config
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.services.diagnose.check import Checked
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.target import parse_target
from mailclad.testing import MailServer
from tests.dns.server import Records, StubDns
from tests.interop.island import island, needs_root
from tests.lacking import lacking

pytestmark = [pytest.mark.interop, pytest.mark.slow, needs_root]

DOMAIN, HOST = "example.test", "mail.example.test"
ADDRESSES = ("198.51.100.1", "198.51.100.2")
SILENT = "192.0.2.9"
PORTS = (
    (Service.IMAP, TlsMode.IMPLICIT, 993),
    (Service.IMAP, TlsMode.STARTTLS, 143),
    (Service.POP3, TlsMode.IMPLICIT, 995),
    (Service.POP3, TlsMode.STARTTLS, 110),
    (Service.SUBMISSION, TlsMode.IMPLICIT, 465),
    (Service.SUBMISSION, TlsMode.STARTTLS, 587),
    (Service.SMTP, TlsMode.STARTTLS, 25),
    (Service.HTTPS, TlsMode.IMPLICIT, 443),
)
ZONES: Records = {
    DOMAIN: {"MX": [f"10 {HOST}."], "TXT": ['"v=spf1 mx -all"']},
    f"_dmarc.{DOMAIN}": {"TXT": ['"v=DMARC1; p=reject"']},
    f"_imaps._tcp.{DOMAIN}": {"SRV": [f"0 1 993 {HOST}."]},
    f"_submissions._tcp.{DOMAIN}": {"SRV": [f"0 1 465 {HOST}."]},
    HOST: {"A": list(ADDRESSES)},
    "1.100.51.198.in-addr.arpa": {"PTR": [f"{HOST}."]},
    "2.100.51.198.in-addr.arpa": {"PTR": [f"{HOST}."]},
    "silent.test": {"MX": ["10 mail.silent.test."], "A": [SILENT]},
    "mail.silent.test": {"A": [SILENT]},
    "autoconfig.silent.test": {"A": [SILENT]},
}
# Packets to the silent one go into a cable with nobody at the other end.
_CABLE = (
    "ip link add near type veth peer name far && ip link set near up && ip link set far up && "
    f"ip addr add 192.0.2.1/24 dev near && ip route add table 1 {SILENT} dev near && "
    "ip rule add pref 1 lookup local && ip rule del pref 0 && "
    f"ip rule add pref 0 to {SILENT} lookup 1 && "
    f"ip neigh add {SILENT} lladdr 02:00:00:00:00:01 dev near"
)


class WholeServer(MailServer):
    def _config(self) -> Config:
        usual = super()._config()
        return Config(
            server=ServerConfig(hostname=HOST, data=usual.server.data),
            tls=usual.tls,
            deliver=usual.deliver,
            listen=tuple(
                ListenConfig(service=service, tls=tls, port=port, addresses=ADDRESSES)
                for service, tls, port in PORTS
            ),
        )


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with island():
        if subprocess.run(["sh", "-c", _CABLE], check=False).returncode:
            lacking("no cable without an end on this kernel")
        yield


@pytest.fixture(scope="module")
def ca() -> Iterator[Path]:
    with WholeServer() as server:
        yield server.ca


def check(text: str, ca: Path | None = None) -> tuple[Checked, float]:
    async def run() -> Checked:
        async with StubDns(ZONES) as dns:
            asking = Asking((dns.address,), ca)
            return await check_target(parse_target(text), asking, lambda *_: None)

    began = time.monotonic()
    return asyncio.run(run()), time.monotonic() - began


@pytest.mark.parametrize("text", ["ada@example.test", "example.test", HOST])
def test_a_healthy_server_has_nothing_to_be_told(ca: Path, text: str) -> None:
    checked, seconds = check(text, ca)
    found = [told.id for told in checked.report.findings]
    assert set(found) <= {"DNS-420", "DNS-424", "DNS-425"}  # notes: what it does not publish
    assert checked.report.exit_status == 0
    assert {answer.level for answer in checked.report.answers} == {Level.OK}
    assert len(checked.report.endpoints) == len(PORTS) - 1  # a web page is no mail
    assert seconds < 3


@pytest.mark.parametrize("text", ["ada@silent.test", "mail.silent.test", f"{SILENT}:993"])
def test_a_host_that_swallows_every_packet_is_told_in_time(text: str) -> None:
    checked, seconds = check(text)
    assert "CONN-103" in [told.id for told in checked.report.findings]
    assert checked.report.verdict == "no mail server answers"
    assert checked.report.exit_status == 2
    assert seconds < 15
