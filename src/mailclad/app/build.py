"""The one place where every part is named, in order: configuration → engines → services → servers.

``prepare`` makes what all workers share and runs before the fork; ``build`` makes the rest in
each worker (or in a test, or in ``mailclad.testing``) on its event loop.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from mailclad.app.client_endpoints import client_endpoints, doors_of
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config
from mailclad.app.delivering import check_password_files, make_departures
from mailclad.app.duties import Duty, attend
from mailclad.app.forgetting import forget
from mailclad.app.hook_files import load_hooks
from mailclad.app.parts import Parts, Shared
from mailclad.app.receiving import RARE_SECONDS, make_entrance, make_guards, receiving_duties
from mailclad.app.renewing import check_acme_files, renewing_duties
from mailclad.app.reporting import make_counting, reporting_duties
from mailclad.app.sockets import Bound
from mailclad.app.submitting import make_reception, make_submission, submitting_duties
from mailclad.app.web import https_pages, plain_pages
from mailclad.base.tls_policy import BY_ALPN, Service, TlsMode
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.engines.dns.servers import parse_server
from mailclad.engines.spool.spool import file_spools
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.protocols.imap.connection import Terms
from mailclad.protocols.smtp.conversation import Role
from mailclad.servers.admission import Admission, Limits
from mailclad.servers.channel import Shell
from mailclad.servers.expected_chains import Expected, look_inside
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.imap import imap_shell
from mailclad.servers.listener import Listener, Listening, Spoken, listen
from mailclad.servers.loopback import Proof, doors, prove
from mailclad.servers.outbound import is_public
from mailclad.servers.own_checks import OwnChecks
from mailclad.servers.pop3 import pop3_shell
from mailclad.servers.recorder import Recorder
from mailclad.servers.smtp import smtp_shell
from mailclad.servers.tls import ClientTrust, ContextTable
from mailclad.servers.tls_failure import CertificateUnusable
from mailclad.services.auth.authenticator import make_authenticator
from mailclad.services.auth.device_use import DeviceUse
from mailclad.services.auth.installation_secret import ensure_installation_secret
from mailclad.services.auth.password import Argon2, PasswordChecker
from mailclad.services.auth.tell_all import TellAll
from mailclad.services.auth.throttle import ThrottleTables
from mailclad.services.auth.web_sessions import forget_browsers
from mailclad.services.certificates.acme.solvers.kept import kept_certificate
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.client_setup.board import WatchBoard
from mailclad.services.client_setup.lookout import Lookout
from mailclad.services.client_setup.watching import SetupWatching, forget_watches
from mailclad.services.deliver.sts_policies import KeptStsPolicies
from mailclad.services.provision.accounts import Provision
from mailclad.services.receive.hooks import Hooks
from mailclad.services.receive.networks import Networks
from mailclad.services.receive.rates import RateTable
from mailclad.services.reports.intake import Intake
from mailclad.services.submit.signing import Signing
from mailclad.services.tls_watch.expiry import forget_old_tls_use
from mailclad.services.tls_watch.watch import Watching
from mailclad.sessions.imap.session import Site as ImapSite
from mailclad.sessions.smtp.session import SubmissionDoor
from mailclad.sessions.smtp.site import make_site
from mailclad.store.errors import StoreProblem
from mailclad.store.model import MailboxId, ModSeq
from mailclad.store.setup_watches import WATCH_SECONDS
from mailclad.store.tls_use import DAY_SECONDS

COMPACTING_SECONDS = 3600.0
"""How often each worker looks for packs that are mostly dead; looking costs one short query."""

STS_REFRESH_SECONDS = 3600
"""How often policies that are a day old are looked for: each is refreshed within 25 hours."""

RETIRING_LOOK_SECONDS = 0.25
"""How often a worker whose configuration is old looks whether it is still needed."""

_log = structlog.get_logger()

Announce = Callable[[MailboxId, ModSeq], None]


def prepare(
    config: Config, bound: tuple[Bound, ...], chains: tuple[CertificateChain, ...]
) -> Shared:
    """Make it, before the fork: session tickets and throttling work across workers then."""
    check_password_files(config)
    check_acme_files(config)
    return Shared(
        config=config,
        bound=bound,
        contexts=ContextTable(chains) if chains else None,
        secret=ensure_installation_secret(config.server.data),
        throttle=ThrottleTables(),
        rates=RateTable(),
        trust=ClientTrust(),
        own_checks=OwnChecks(),
        board=WatchBoard(),
    )


class App:
    """A built server: opened by ``start``, ended by ``drain`` and ``close``."""

    def __init__(self, parts: Parts, store: SqliteStore) -> None:
        self.parts = parts
        self.store = store
        self._departures = make_departures(parts)
        self._listeners: list[Listener] = []
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Accept on every port."""
        self._background = [
            asyncio.create_task(self._compact()),
            asyncio.create_task(attend(duties(self.parts), self.store, self.parts.clock)),
        ]
        for part in (self.parts.watch, self.parts.device_use, self.parts.lookout):
            self._background.append(asyncio.create_task(part.run()))
        if self.parts.counting is not None:
            self._background.append(asyncio.create_task(self.parts.counting.run()))
        if self._departures is not None:
            self._departures.start()
        admission = Admission(_limits(self.parts.shared.config))
        contexts = self.parts.shared.contexts
        if contexts is not None:
            contexts.answer_challenges(partial(kept_certificate, self.store, self.parts.clock))
        for bound in self.parts.shared.bound:
            tls = bound.tls if contexts is not None else TlsMode.NONE
            self._listeners.append(
                await listen(
                    Listening(
                        bound.service,
                        tls,
                        bound.sockets,
                        Networks(bound.proxy_from),
                        forgiving=bound.forgiving,
                    ),
                    contexts,
                    SHELLS[bound.service](self.parts),
                    admission,
                    witness=self._recorder(bound.service),
                    own_checks=self.parts.shared.own_checks,
                    by_alpn=self._by_alpn(bound),
                )
            )

    def _recorder(self, service: Service) -> Recorder:
        return Recorder(service, self.parts.watch, self.parts.lookout)

    def _by_alpn(self, bound: Bound) -> dict[bytes, Spoken]:
        """What mail programs may ask for on the HTTPS port: services that are offered anyway."""
        if bound.service is not Service.HTTPS or not bound.mail:
            return {}
        offered = {one.service for one in self.parts.shared.bound}
        return {
            name: Spoken(service, SHELLS[service](self.parts), self._recorder(service))
            for name, service in BY_ALPN.items()
            if service in offered
        }

    def provision(self) -> Provision:
        """The means to make accounts while the server runs."""
        parts = self.parts
        return Provision(parts.store, parts.shared.secret, parts.checker, parts.clock)

    def swap(self, chains: tuple[CertificateChain, ...]) -> str:
        """Serve these certificates to whoever connects from now on; or why that cannot be."""
        contexts = self.parts.shared.contexts
        if contexts is None:
            return ""
        try:
            contexts.swap(chains)
        except CertificateUnusable as problem:
            return str(problem)
        return look_inside(contexts, self.parts.shared.trust, Expected.of(chains))

    async def prove(self, expected: Expected) -> Proof:
        """Ask every port of this server which certificates it shows."""
        shared = self.parts.shared
        where = [d for b in shared.bound for d in doors(b.service, b.tls, b.sockets)]
        return await prove(where, expected, shared.trust, shared.own_checks)

    def noticed(self, mailbox: MailboxId, mod_seq: ModSeq) -> None:
        """Another process has changed this mailbox."""
        self.store.noticed(mailbox, mod_seq)

    def stop_accepting(self) -> None:
        """Leave new connections and the queue to other processes; what is under way goes on."""
        if self._departures is not None:
            self._departures.stop_leasing()
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
        """Accept nothing more; connections, from and to us, have so long to end."""
        ending = [listener.drain(seconds) for listener in self._listeners]
        if self._departures is not None:
            ending.append(self._departures.drain(seconds))
        await asyncio.gather(*ending)

    async def close(self) -> None:
        """After ``drain``: what was acknowledged is on disk already."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self.parts.counting is not None:
            await self.parts.counting.flush()
        await self.parts.watch.flush()
        await self.parts.device_use.close()
        await self.parts.sts.close()
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


async def build(
    shared: Shared,
    announce: Announce,
    argon2: Argon2 | None = None,
    hooks: tuple[Hooks, ...] = (),
) -> App:
    """Everything of one process, on the running event loop; raises HookProblem.

    ``hooks`` are called before those that the configuration names.
    """
    hooks += load_hooks(shared.config.hooks.modules)
    directory = shared.config.server.data
    clock = SystemClock()
    store = SqliteStore.open(directory, asyncio.get_running_loop(), announce=announce)
    checker = PasswordChecker(argon2)
    device_use, lookout = DeviceUse(store, clock), Lookout(store, shared.board, clock)
    authenticator = make_authenticator(
        store, shared.secret, clock, shared.throttle, checker, TellAll(device_use, lookout)
    )
    resolver = make_resolver(shared.config)
    new_spool = file_spools(directory)
    reception = make_reception(shared, store, clock, store)
    signing = Signing(store, clock)
    https = HttpsClient(resolver, shared.trust, permits=is_public)
    parts = Parts(
        shared=shared,
        clock=clock,
        new_spool=new_spool,
        store=store,
        trace=store,
        checker=checker,
        authenticator=authenticator,
        resolver=resolver,
        reception=reception,
        signing=signing,
        submission=make_submission(
            shared.config, store, reception, signing, new_spool, clock, lookout.sent
        ),
        https=https,
        sts=KeptStsPolicies(resolver, https, store, clock),
        counting=make_counting(shared.config, store),
        watch=Watching(store, clock),
        device_use=device_use,
        lookout=lookout,
        watching=SetupWatching(
            store,
            shared.board,
            clock,
            client_endpoints(shared.config.server.hostname, doors_of(shared.bound)),
        ),
        intake=Intake(store, store, resolver, clock),
        hooks=hooks,
    )
    return App(parts, store)


def make_resolver(config: Config) -> DnsResolver:
    """The resolver of one process, closed at its end."""
    servers = [parse_server(text) for text in config.dns.servers]
    return DnsResolver(servers or None, validate=config.dns.validate)


def duties(parts: Parts) -> tuple[Duty, ...]:
    """What is done now and then, by whichever worker comes first."""
    return (
        *receiving_duties(parts),
        *submitting_duties(parts),
        *reporting_duties(parts),
        *renewing_duties(parts),
        Duty("MTA-STS refresh", STS_REFRESH_SECONDS, parts.sts.refresh),
        Duty("forget TLS use", DAY_SECONDS, partial(forget_old_tls_use, parts.store, parts.clock)),
        Duty("forget watches", WATCH_SECONDS, partial(forget_watches, parts.store, parts.clock)),
        Duty("forget browsers", DAY_SECONDS, partial(forget_browsers, parts.store, parts.clock)),
        Duty("trace", RARE_SECONDS, partial(forget, parts.store, parts.clock)),
    )


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
    door = None
    if role is Role.SUBMISSION:
        door = SubmissionDoor(parts.authenticator, parts.submission)
    site = make_site(
        role,
        host_name=config.server.hostname,
        starttls=parts.starttls and role is not Role.LMTP,
        reception=parts.reception,
        new_spool=parts.new_spool,
        clock=parts.clock,
        message_octets=config.limits.message_octets,
        guards=make_guards(role, parts),
        entrance=make_entrance(config.receive),
        door=door,
        trace=parts.trace,
    )
    return smtp_shell(site)


SHELLS: Mapping[Service, Callable[[Parts], Shell]] = {
    Service.IMAP: _imap,
    Service.POP3: _pop3,
    Service.SUBMISSION: partial(_smtp, Role.SUBMISSION),
    Service.SMTP: partial(_smtp, Role.MX),
    Service.LMTP: partial(_smtp, Role.LMTP),
    Service.HTTPS: https_pages,
    Service.HTTP: plain_pages,
}
"""What is spoken on a port, made of these parts."""
