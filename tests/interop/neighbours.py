"""Servers of an island's Internet, and one of ours that sends to them.

``Station`` is the whole server as ``mailclad.testing`` runs it, with delivery on, at its public
address and with the resolver that the test chooses.  ``policy_hosts`` is nginx with MTA-STS
policies.  What became of a message is read where people read it: in the trace, its attempts, and
the notes that the daily reports are made of.
"""

import contextlib
import smtplib
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import pytest

from mailclad.app import build
from mailclad.app.config import Config
from mailclad.app.settings.deliver import DeliverConfig, RouteConfig
from mailclad.app.settings.dns import DnsConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.receive import ReceiveConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import CertificateFiles, TlsConfig
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.address import parse_address
from mailclad.mail.tls_rpt import TlsReport, read_report
from mailclad.services.provision.signing_keys import DomainKeys, published
from mailclad.services.receive.hooks import Hooks
from mailclad.services.reports.compose import Sender, compose_report
from mailclad.services.reports.facts import TlsFacts, read_tls
from mailclad.store.queue import Attempt, Change, QueueFilter
from mailclad.store.reports import ReportKind
from mailclad.store.trace import Happening, TraceEvent
from mailclad.testing import MailServer
from tests.dns.signed import Internet
from tests.interop.mtas import Pki

ANN, HERE = "ann@here.test", "mail.here.test"
OUR_ADDRESS, WEB_ADDRESS = "45.0.2.1", "45.0.1.1"
WAIT_SECONDS = 30.0
T = TypeVar("T")

OUTCOMES = {
    Happening.SENT: "delivered",
    Happening.DELAYED: "deferred",
    Happening.FAILED: "failed",
}


def until(look: Callable[[], T], what: str) -> T:
    """The first answer that is not empty."""
    end = time.monotonic() + WAIT_SECONDS
    while not (found := look()):
        assert time.monotonic() < end, f"it does not come: {what}"
        time.sleep(0.02)
    return found


class Station(MailServer):
    """A server of ours at a public address; its own people come over loopback."""

    def __init__(
        self,
        name: str,
        address: str,
        internet: Internet,
        *,
        files: Pki | None = None,
        resolver: Literal["ours", "unbound"] = "unbound",
        routes: Sequence[RouteConfig] = (),
        sealers: Sequence[str] = (),
        hooks: Hooks | None = None,
    ) -> None:
        super().__init__(hooks=hooks)
        self._routes, self._sealers = tuple(routes), tuple(sealers)
        self._name, self._address, self._files = name, address, files
        self._internet, self.resolver = internet, resolver

    def start(self) -> "Station":
        with pytest.MonkeyPatch.context() as patch:
            if self.resolver == "ours":  # the root's keys are the test's own
                patch.setattr(build, "make_resolver", lambda _: self._internet.resolver("ours"))
            super().start()
        return self

    def _config(self) -> Config:
        host, port = self._internet.validating
        tls = TlsConfig(private_ca=True, names=("127.0.0.1",))
        if self._files is not None:
            pair = CertificateFiles(certificate=self._files.certificate, key=self._files.key)
            tls = TlsConfig(certificates=(pair,))
        return Config(
            server=ServerConfig(hostname=self._name, data=self._directory),
            tls=tls,
            dns=DnsConfig(servers=(f"{host}:{port}",)),
            deliver=DeliverConfig(source=(self._address,), route=self._routes),
            receive=ReceiveConfig(trusted_sealers=self._sealers),
            listen=(
                ListenConfig(
                    service=Service.SUBMISSION,
                    tls=TlsMode.IMPLICIT,
                    port=0,
                    addresses=("127.0.0.1",),
                ),
                ListenConfig(
                    service=Service.SMTP,
                    tls=TlsMode.STARTTLS,
                    port=25,
                    addresses=(self._address,),
                ),
            ),
        )

    # --- mail of our people ---

    def submit(
        self, *recipients: str, octets: bytes, options: Sequence[str] = (), notify: str = ""
    ) -> None:
        port = self.port("submission")
        with smtplib.SMTP_SSL("127.0.0.1", port, context=self.ssl_context) as client:
            client.login(ANN, "correct horse")
            rcpt = [f"NOTIFY={notify}"] if notify else []
            client.sendmail(ANN, recipients, octets, options, rcpt)

    def make_keys(self, domain: str) -> dict[str, str]:
        """Sign from now on; the TXT records that verifiers need, by name."""
        app = self._running.app
        keys = self._do(DomainKeys(app.store, app.parts.clock).ensure(domain))
        records = [published(key) for key in keys]
        return {each.name: each.value for each in records}

    # --- what became of it ---

    def told(self, address: str) -> list[TraceEvent]:
        """What the trace says of mail to an address, of its way out."""
        lives = self._do(self._running.app.store.trace(address))
        return [event for life in lives for event in life.events if event.happening in OUTCOMES]

    def outcome(self, address: str) -> TraceEvent:
        return until(lambda: self.told(address), f"an outcome for {address}")[-1]

    def attempts(self, event: TraceEvent) -> list[Attempt]:
        assert event.queue is not None
        return self._do(self._running.app.store.queue_attempts(event.queue))

    def noted(self) -> list[tuple[TlsFacts, int]]:
        """All that reports about TLS will say."""
        return self._do(self._noted())

    def report(self, domain: str) -> TlsReport:
        """What a domain would be told of this day."""
        self.noted()
        return self._do(self._report(domain))

    async def _report(self, domain: str) -> TlsReport:
        store, postmaster = self._running.app.store, parse_address("postmaster@here.test")
        (topic,) = [one for one in await store.reports_of_ours(0) if one.domain == domain]
        notes = await store.report_notes(topic.id)
        packed = compose_report(topic, notes, Sender("Here", postmaster, postmaster, HERE))
        return read_report(packed.octets)

    async def _noted(self) -> list[tuple[TlsFacts, int]]:
        app = self._running.app
        assert app.parts.counting is not None
        await app.parts.counting.flush()
        return [
            (read_tls(octets), number)
            for topic in await app.store.reports_of_ours(0)
            if topic.kind is ReportKind.TLS
            for octets, number in await app.store.report_notes(topic.id)
        ]

    def try_again(self, domain: str) -> None:
        """What waits for this domain, now."""
        store, clock = self._running.app.store, self._running.app.parts.clock
        which = QueueFilter(destination=domain)
        self._do(store.change(Change.RETRY, which, clock.now()))

    def waiting(self, domain: str) -> int:
        page = self._do(self._running.app.store.queue_page(QueueFilter(destination=domain)))
        return len(page.messages)


def as_lines(noted: Sequence[tuple[TlsFacts, int]]) -> dict[str, Counter[str]]:
    """By domain of the policy: ``sts certificate-expired`` and how often."""
    lines: dict[str, Counter[str]] = {}
    for facts, number in noted:
        result = f" {facts.failure.result_type}" if facts.failure is not None else ""
        found = lines.setdefault(facts.policy.policy_domain, Counter())
        found[f"{facts.policy.policy_type}{result}"] += number
    return lines


# --- nginx ---

_NGINX = """\
daemon off;
master_process off;
user root;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {directory}/tmp;
  proxy_temp_path {directory}/tmp;
  fastcgi_temp_path {directory}/tmp;
  uwsgi_temp_path {directory}/tmp;
  scgi_temp_path {directory}/tmp;
  types {{ text/plain txt; }}
  {servers}
}}
"""

_VHOST = """
  server {{
    listen {address}:443 ssl;
    server_name {name};
    ssl_certificate {pki.certificate};
    ssl_certificate_key {pki.key};
    root {root};
  }}
"""


@dataclass(frozen=True)
class PolicyHost:
    """``policy`` None: there is none at the place where it belongs."""

    pki: Pki
    policy: str | None


@contextlib.contextmanager
def policy_hosts(directory: Path, hosts: Mapping[str, PolicyHost]) -> Iterator[None]:
    """By name; answers when it is entered."""
    servers = []
    for name, host in hosts.items():
        place = directory / name / ".well-known"
        place.mkdir(parents=True)
        if host.policy is not None:
            (place / "mta-sts.txt").write_text(host.policy)
        servers.append(
            _VHOST.format(address=WEB_ADDRESS, name=name, pki=host.pki, root=directory / name)
        )
    conf = directory / "nginx.conf"
    conf.write_text(_NGINX.format(directory=directory, servers="".join(servers)))
    with subprocess.Popen(["/usr/sbin/nginx", "-c", str(conf)]) as nginx:
        try:
            until(_web_answers, "nginx")
            yield
        finally:
            nginx.terminate()


def _web_answers() -> bool:
    with contextlib.suppress(OSError), socket.create_connection((WEB_ADDRESS, 443), 1):
        return True
    return False
