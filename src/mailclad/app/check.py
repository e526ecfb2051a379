"""Whom ``mailclad check`` asks: the DNS, the web, and the mail servers, from this computer.

Comes in: what the command line says.  Goes out: a ``Checked``.  No installation is needed, and no
configuration is read.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mailclad.app.clock import SystemClock
from mailclad.base.resolver import Answer
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.protocols.smtp.client.login import Login
from mailclad.protocols.smtp.client.outcome import Stage
from mailclad.protocols.smtp.client.report import ConnectionReport
from mailclad.servers import probe
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.outbound import Patience, Route, connect, is_public
from mailclad.servers.probe_sign_in import sign_in_imap
from mailclad.servers.tls import ClientTrust, path_fault
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.diagnose.check import Checked, check
from mailclad.services.diagnose.evidence import Verifiers
from mailclad.services.diagnose.facts import HostSeen, Reach
from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.sign_in import (
    refused,
    untried,
    wants_short_name,
    without_method,
)
from mailclad.services.diagnose.target import Target, is_localhost
from mailclad.services.diagnose.verdict import SENDING
from mailclad.services.diagnose.world import Prober, Progress, World

PATIENCE = Patience(connect=5, greeting=10, command=10, opening=20)
"""Of signing in: a person waits, and the server has just answered."""

DNS_TRY_SECONDS = 1.5
DNS_SECONDS = 4.0
"""For one question; people wait, and another server is asked after the first try."""


@dataclass(frozen=True, slots=True)
class Asking:
    """``servers`` of the DNS (none: this system's); ``authorities`` to trust instead of the
    system's; ``witness``: a URL for a second opinion on the clock and the network."""

    servers: Sequence[tuple[str, int]] = ()
    authorities: Path | None = None
    witness: str = ""


async def check_target(target: Target, asking: Asking, progress: Progress) -> Checked:
    """Raises CertificateUnusable where the file of authorities is none."""
    async with world(asking, fetches(target)) as asked:
        return await check(target, asked, progress)


@asynccontextmanager
async def world(
    asking: Asking, permits: Callable[[str], bool] = is_public
) -> AsyncIterator[World]:
    """As it is seen from this computer; ``permits``: from which addresses what certificates point
    to may come."""
    trust = ClientTrust(asking.authorities)
    probe_trust = ProbeTrust(asking.authorities)
    resolver = _Resolver(
        asking.servers or None, try_seconds=DNS_TRY_SECONDS, total_seconds=DNS_SECONDS
    )
    try:
        yield World(
            resolver,
            HttpsClient(resolver, trust, permits=probe.is_a_place),
            HttpsClient(resolver, trust, permits=permits),
            _Prober(probe.Prober(resolver, probe_trust)),
            Verifiers(probe_trust.verify, path_fault),
            SystemClock(),
            asking.witness,
        )
    finally:
        await resolver.close()


def fetches(target: Target) -> Callable[[str], bool]:
    """From where: who looks at a server of this computer may be led by it to another one here."""
    here = is_localhost(target.host) or target.host in _LOOPBACK
    return _LOOPBACK.__contains__ if here else is_public


_LOOPBACK = frozenset({"127.0.0.1", "::1"})


async def sign_in(checked: Checked, login: Login, asking: Asking) -> Checked:
    """Try a name and a password where mail is sent and read, and add what came of it.

    Each connection that carries the password must have proven by itself who the server is: what
    was seen before does not count.  Where the whole address is refused, the part before the @ is
    tried once: more tries would lock people out.
    """
    trust = ClientTrust(asking.authorities)
    short = Login(login.name.partition("@")[0], login.password)
    findings: list[Found] = []
    for endpoint in filter(can_sign_in, checked.best):
        address = _address_of(endpoint, checked)
        found = await _try(endpoint, address, login, trust)
        is_refused = found is not None and found.level is None and found.id == "AUTH-501"
        tries_short = is_refused and not findings
        if found and tries_short and await _try(endpoint, address, short, trust) is None:
            found = wants_short_name(found)
        if found is not None:
            findings.append(found)
    return checked.with_findings(findings)


def can_sign_in(endpoint: Endpoint) -> bool:
    return endpoint.protocol in {*SENDING, MailProtocol.IMAP}


def _address_of(endpoint: Endpoint, checked: Checked) -> str:
    return next(
        port.address
        for host in checked.hosts
        for port in host.ports
        if port.endpoint == endpoint and port.reach is Reach.OPEN
    )


async def _try(endpoint: Endpoint, address: str, login: Login, trust: ClientTrust) -> Found | None:
    if endpoint.protocol is MailProtocol.IMAP:
        seen = await sign_in_imap(endpoint, address, login, trust)
        if seen.decided is not None:
            reply = seen.decided.reply
            return None if seen.decided.positive else refused(endpoint, address, 0, "", reply)
        if seen.offered is None:
            return untried(endpoint, address)
        offered = [word.removeprefix("AUTH=") for word in seen.offered if word[:5] == "AUTH="]
        return without_method(endpoint, address, offered)
    made = await connect(
        Route(address, endpoint.port, tls=endpoint.tls),
        "localhost",
        TlsDemand(TlsLevel.VERIFY, (endpoint.host,)),
        trust,
        login=login,
        permits=lambda _: True,
        patience=PATIENCE,
    )
    await made.close()
    return _finding_of_submission(endpoint, address, made.report)


def _finding_of_submission(
    endpoint: Endpoint, address: str, report: ConnectionReport
) -> Found | None:
    problem = report.problem
    if problem is None:
        return None
    proven = report.verdict is not None and report.verdict.failure is None
    if problem.stage is not Stage.AUTH or not proven:
        return untried(endpoint, address)
    if problem.code:
        return refused(endpoint, address, problem.code, problem.status, problem.text)
    offered = report.capabilities.mechanisms if report.capabilities else ()
    return without_method(endpoint, address, offered)


class _Resolver(DnsResolver):
    async def addresses(self, name: str, version: int) -> Answer[str]:
        """Servers of this computer may have IPv4 only."""
        if is_localhost(name):
            return Answer(name, ("127.0.0.1",) if version == 4 else ())
        return await super().addresses(name, version)


class _Prober(Prober):
    def __init__(self, prober: probe.Prober) -> None:
        self._prober = prober

    async def look_at(
        self, host: str, domain: str, endpoints: Sequence[Endpoint], progress: Progress
    ) -> HostSeen:
        def note(step: probe.Step) -> None:
            progress(f"{host} port {step.endpoint.port}", step.done, step.total)

        return await self._prober.look_at(host, endpoints, domain=domain, on_step=note)
