"""The one place where every part is named, in order: configuration → engines → services → servers.

``prepare`` makes what all workers share and runs before the fork; ``build`` makes the rest in
each worker (or in a test, or in ``mailclad.testing``) on its event loop.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from mailclad.app.certificates import ensure_ca
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config, ListenConfig
from mailclad.app.duties import Duty, attend
from mailclad.app.forgetting import forget
from mailclad.app.settings.receive import ReceiveConfig
from mailclad.app.sockets import Bound
from mailclad.base.clock import Clock
from mailclad.base.octets import NewSpool
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.engines.dns.servers import parse_server
from mailclad.engines.spool.spool import file_spools
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.address import normalise_domain
from mailclad.protocols.imap.connection import Terms
from mailclad.protocols.smtp.conversation import Role
from mailclad.servers.admission import Admission, Limits
from mailclad.servers.channel import Shell
from mailclad.servers.http import http_shell
from mailclad.servers.imap import imap_shell
from mailclad.servers.listener import Listener, Listening, listen
from mailclad.servers.pop3 import pop3_shell
from mailclad.servers.smtp import smtp_shell
from mailclad.servers.tls import ContextTable
from mailclad.services.auth.authenticator import Authenticator, make_authenticator
from mailclad.services.auth.installation_secret import ensure_installation_secret
from mailclad.services.auth.password import Argon2, PasswordChecker
from mailclad.services.auth.throttle import ThrottleTables
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.provision.accounts import Provision
from mailclad.services.receive.dnsbl import DnsList
from mailclad.services.receive.greylist import Greylisting
from mailclad.services.receive.guard import Guard
from mailclad.services.receive.judge import Judge
from mailclad.services.receive.listed import BlockLists
from mailclad.services.receive.networks import Networks
from mailclad.services.receive.policy import Action, Rules
from mailclad.services.receive.rates import RateLimits, Rates, RateTable
from mailclad.services.receive.rejects import Rejects
from mailclad.services.receive.sender_domain import SenderDomain
from mailclad.services.receive.strangers import ForStrangers
from mailclad.sessions.imap.session import Site as ImapSite
from mailclad.sessions.smtp.session import Entrance
from mailclad.sessions.smtp.site import make_site
from mailclad.store.errors import StoreProblem
from mailclad.store.interface import Store
from mailclad.store.model import MailboxId, ModSeq
from mailclad.store.trace import Trace
from mailclad.web.start import Setting, StartFacts, start_application

COMPACTING_SECONDS = 3600.0
"""How often each worker looks for packs that are mostly dead; looking costs one short query."""

RARE_SECONDS = 3600
"""How often what has grown old is removed."""

RETIRING_LOOK_SECONDS = 0.25
"""How often a worker whose configuration is old looks whether it is still needed."""

_log = structlog.get_logger()

Announce = Callable[[MailboxId, ModSeq], None]


@dataclass(frozen=True, slots=True)
class Shared:
    """What all workers share; ``contexts`` is None where there is no certificate."""

    config: Config
    bound: tuple[Bound, ...]
    contexts: ContextTable | None
    secret: Secret
    throttle: ThrottleTables
    rates: RateTable


def prepare(
    config: Config, bound: tuple[Bound, ...], chains: tuple[CertificateChain, ...]
) -> Shared:
    """Make it, before the fork: session tickets and throttling work across workers then."""
    return Shared(
        config=config,
        bound=bound,
        contexts=ContextTable(chains) if chains else None,
        secret=ensure_installation_secret(config.server.data),
        throttle=ThrottleTables(),
        rates=RateTable(),
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What the servers are made of."""

    shared: Shared
    clock: Clock
    new_spool: NewSpool
    store: Store
    trace: Trace
    checker: PasswordChecker
    authenticator: Authenticator
    resolver: DnsResolver

    @property
    def starttls(self) -> bool:
        """RFC 8314 §4: not offered where it could only fail."""
        return self.shared.contexts is not None


class App:
    """A built server: opened by ``start``, ended by ``drain`` and ``close``."""

    def __init__(self, parts: Parts, store: SqliteStore) -> None:
        self.parts = parts
        self.store = store
        self._listeners: list[Listener] = []
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Accept on every port."""
        self._background = [
            asyncio.create_task(self._compact()),
            asyncio.create_task(attend(duties(self.parts), self.store, self.parts.clock)),
        ]
        admission = Admission(_limits(self.parts.shared.config))
        for bound in self.parts.shared.bound:
            contexts = self.parts.shared.contexts
            tls = bound.tls if contexts is not None else TlsMode.NONE
            self._listeners.append(
                await listen(
                    Listening(bound.service, tls, bound.sockets, Networks(bound.proxy_from)),
                    contexts,
                    SHELLS[bound.service](self.parts),
                    admission,
                )
            )

    def provision(self) -> Provision:
        """The means to make accounts while the server runs."""
        parts = self.parts
        return Provision(parts.store, parts.shared.secret, parts.checker, parts.clock)

    def swap(self, chains: tuple[CertificateChain, ...]) -> None:
        """Serve these certificates to whoever connects from now on."""
        if self.parts.shared.contexts is not None:
            self.parts.shared.contexts.swap(chains)

    def noticed(self, mailbox: MailboxId, mod_seq: ModSeq) -> None:
        """Another process has changed this mailbox."""
        self.store.noticed(mailbox, mod_seq)

    def stop_accepting(self) -> None:
        """Leave new connections to other processes; those that stand go on."""
        for listener in self._listeners:
            listener.stop_accepting()

    async def last_connection(self, seconds: float) -> None:
        """Return when the last connection has ended, or after that time."""
        until = self.parts.clock.monotonic() + seconds
        while any(listener.connections for listener in self._listeners):
            if self.parts.clock.monotonic() >= until:
                return
            await asyncio.sleep(RETIRING_LOOK_SECONDS)

    async def drain(self, seconds: float) -> None:
        """Accept nothing more; connections have so long to end."""
        await asyncio.gather(*(listener.drain(seconds) for listener in self._listeners))

    async def close(self) -> None:
        """After ``drain``: what was acknowledged is on disk already."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.parts.resolver.close()
        await self.store.close()
        self.parts.checker.close()

    async def _compact(self) -> None:
        while True:
            await asyncio.sleep(COMPACTING_SECONDS)
            try:
                gone = await self.store.compact()
            except StoreProblem as problem:  # tried again in an hour
                _log.warning("packs not compacted", reason=str(problem))
            else:
                if gone:
                    _log.info("packs compacted", packs=gone)


async def build(shared: Shared, announce: Announce, argon2: Argon2 | None = None) -> App:
    """Everything of one process, on the running event loop."""
    directory = shared.config.server.data
    clock = SystemClock()
    store = SqliteStore.open(directory, asyncio.get_running_loop(), announce=announce)
    checker = PasswordChecker(argon2)
    authenticator = make_authenticator(store, shared.secret, clock, shared.throttle, checker)
    parts = Parts(
        shared=shared,
        clock=clock,
        new_spool=file_spools(directory),
        store=store,
        trace=store,
        checker=checker,
        authenticator=authenticator,
        resolver=make_resolver(shared.config),
    )
    return App(parts, store)


def make_resolver(config: Config) -> DnsResolver:
    """The resolver of one process, closed at its end."""
    return DnsResolver([parse_server(text) for text in config.dns.servers] or None)


def duties(parts: Parts) -> tuple[Duty, ...]:
    """What is done now and then, by whichever worker comes first."""
    days = parts.shared.config.receive.rejects_days
    return (
        Duty("rejects", RARE_SECONDS, Rejects(parts.store, parts.clock, days).expire),
        Duty("greylist", RARE_SECONDS, Greylisting(parts.store, parts.clock).forget),
        Duty("trace", RARE_SECONDS, partial(forget, parts.store, parts.clock)),
    )


def receive_guards(parts: Parts) -> tuple[Guard, ...]:
    """Who looks at mail from strangers, in order: first what costs least."""
    settings = parts.shared.config.receive
    resolver, clock = parts.resolver, parts.clock
    rates = settings.rates
    limits = RateLimits(rates.connections, rates.messages, rates.recipients, rates.unknown)
    guards: list[Guard] = [Rates(parts.shared.rates, clock, limits)]
    if settings.block_lists:
        lists = [DnsList(one.zone, one.weight) for one in settings.block_lists]
        guards.append(BlockLists(resolver, lists, settings.block_at))
    if settings.check_sender_domain:
        guards.append(SenderDomain(resolver))
    if settings.greylist:
        guards.append(Greylisting(parts.store, clock))
    if settings.judge:
        guards.append(Judge(resolver, clock, _rules(settings)))
    own = _own_networks(settings)
    return tuple([ForStrangers(guard, own) for guard in guards])


def _own_networks(settings: ReceiveConfig) -> Networks:
    """A proxy that speaks for others is not judged itself."""
    return Networks((*settings.own_networks, *settings.xclient_from))


def _rules(settings: ReceiveConfig) -> Rules:
    domains = {normalise_domain(domain): Action(word) for domain, word in settings.domains.items()}
    sealers = frozenset(map(normalise_domain, settings.trusted_sealers))
    return Rules(Action(settings.dmarc), domains, sealers)


def _limits(config: Config) -> Limits:
    limits = config.limits
    return Limits(connections=limits.connections, per_address=limits.connections_per_address)


def _imap(parts: Parts) -> Shell:
    site = ImapSite(parts.store, parts.authenticator, parts.clock)
    terms = Terms(
        new_spool=parts.new_spool,
        mechanisms=parts.authenticator.mechanisms,
        starttls=parts.starttls,
        append_octets=parts.shared.config.limits.message_octets,
    )
    return imap_shell(site, terms)


def _pop3(parts: Parts) -> Shell:
    return pop3_shell(parts.authenticator, parts.store, starttls=parts.starttls)


def _smtp(role: Role, parts: Parts) -> Shell:
    config = parts.shared.config
    site = make_site(
        role,
        host_name=config.server.hostname,
        starttls=parts.starttls and role is not Role.LMTP,
        store=parts.store,
        authenticator=parts.authenticator,
        new_spool=parts.new_spool,
        clock=parts.clock,
        message_octets=config.limits.message_octets,
        guards=receive_guards(parts) if role is Role.MX else (),
        entrance=Entrance(
            _own_networks(config.receive),
            Networks(config.receive.xclient_from),
            config.receive.greet_delay,
        ),
        rejects_days=config.receive.rejects_days if role is Role.MX else 0,
        trace=parts.trace,
    )
    return smtp_shell(site)


def _https(parts: Parts) -> Shell:
    config = parts.shared.config
    ca = ensure_ca(config).read_bytes() if config.tls.private_ca else None
    facts = StartFacts(config.server.hostname, start_settings(config.listen), ca)
    return http_shell(start_application(facts))


SHELLS: Mapping[Service, Callable[[Parts], Shell]] = {
    Service.IMAP: _imap,
    Service.POP3: _pop3,
    Service.SUBMISSION: partial(_smtp, Role.SUBMISSION),
    Service.SMTP: partial(_smtp, Role.MX),
    Service.LMTP: partial(_smtp, Role.LMTP),
    Service.HTTPS: _https,
}
"""What is spoken on a port, made of these parts."""


def start_settings(lines: Iterable[ListenConfig]) -> list[Setting]:
    """What the start page tells people to type, in mail programs' own words."""
    purposes = {
        Service.IMAP: "Reading (IMAP)",
        Service.POP3: "Fetching (POP3)",
        Service.SUBMISSION: "Sending (SMTP)",
    }
    words = {TlsMode.IMPLICIT: "SSL/TLS", TlsMode.STARTTLS: "STARTTLS"}
    return [
        Setting(purposes[line.service], line.port, words[line.tls])
        for line in lines
        if line.service in purposes and line.port is not None
    ]
