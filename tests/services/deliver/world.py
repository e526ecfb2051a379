"""A queue, a loop that empties it, DNS as a dict, and other mail servers over real sockets.

    async with World(tmp_path, ca) as world:
        mx = await world.server("mx.peer.test")
        world.dns["peer.test", "MX"] = [Mx(10, "mx.peer.test")]
        message = await world.queue("bob@peer.test")
        await world.settled(message)
        assert mx.messages

Every host is reached at 127.0.0.1, at the port where its server listens; a host without a
server refuses connections.  Time stands still until a test moves it.
"""

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from mailclad.base.resolver import Answer, Tlsa
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsFacts
from mailclad.engines.spool.spool import file_spools
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.address import Address
from mailclad.mail.tls_rpt import Failure, PolicySummary
from mailclad.mail.tls_verdict import TlsDemand
from mailclad.servers.outbound import OutboundConnection, Patience, Route, connect
from mailclad.servers.tls import ClientTrust
from mailclad.services.certificates.private_ca import PrivateCa, issue_leaf
from mailclad.services.deliver.connect import Target
from mailclad.services.deliver.courier import Means
from mailclad.services.deliver.departures import Departures, Terms
from mailclad.services.deliver.home import Home
from mailclad.services.deliver.lookup import Lookup
from mailclad.services.deliver.route import Routes
from mailclad.services.deliver.sts import NO_POLICY, StsFound
from mailclad.services.deliver.telling import Telling
from mailclad.services.queue.hooks import AttemptHook
from mailclad.services.receive.reception import Reception
from mailclad.services.receive.recipients import find_recipients
from mailclad.services.reports.notes import NoNotes
from mailclad.services.tls_watch.meeting import Meeting
from mailclad.services.tls_watch.watch import TlsWatch
from mailclad.store.model import ALL_UIDS, Column
from mailclad.store.queue import (
    Change,
    Dispatch,
    Envelope,
    Limits,
    NewRecipient,
    Notify,
    QueueFilter,
    QueueId,
    RecipientState,
)
from mailclad.store.trace import Happening, TraceEvent
from tests.dns.fake import FakeResolver
from tests.engines.stores import add_account
from tests.protocols.smtp.client.fake_server import FakeServer

NOW = 1_700_000_000
DAY = 86_400
HERE = "here.test"
ANN = f"ann@{HERE}"
LETTER = b"From: ann@here.test\r\nSubject: hello\r\n\r\nhello\r\n"
WAIT_SECONDS = 10.0
QUICK = Patience(connect=2, greeting=2, command=2, data=2, block=2, message=2, quit=0.5)


def ehlo(name: str, *keywords: str) -> bytes:
    lines = [name, "PIPELINING", "8BITMIME", *keywords]
    text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
    return text.encode()


@dataclass
class Clock:
    at: int = NOW

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return float(self.at)


@dataclass
class FakeMx:
    """Another mail server.  ``answers`` by verb or by line; ``cut``: closes at this verb."""

    name: str
    tls: ssl.SSLContext | None
    chain_pem: bytes = b""
    offers: tuple[str, ...] = ()
    """Keywords of its EHLO inside TLS, or without TLS."""
    greeting: bytes = b"220 hello\r\n"
    starttls: bytes = b"220 go\r\n"
    answers: dict[str, bytes] = field(default_factory=dict)
    """May be changed at any time."""
    cut: str = ""
    closes_after_message: bool = False
    hold: asyncio.Event | None = None
    """Answers to messages wait until it is set."""
    connections: int = 0
    lines: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    in_tls: list[bool] = field(default_factory=list)
    """For each MAIL, whether it came under TLS."""
    port: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain = ehlo(self.name, *(("STARTTLS",) if self.tls else self.offers))
        first = {"EHLO": plain, "STARTTLS": self.starttls}
        fake = FakeServer(first | self.answers, self.greeting)
        fake.lines, fake.messages = self.lines, self.messages
        writer.write(self.greeting)
        secured = False
        while data := await reader.read(65536):
            if self.cut and self.cut.encode() in data:
                return
            if self.hold is not None and b"\r\n.\r\n" in data:
                await self.hold.wait()
            fake.answers |= self.answers
            known = len(self.lines)
            replies = fake.feed(data)
            said = self.lines[known:]
            self.in_tls += [secured for line in said if line.startswith("MAIL")]
            writer.write(replies)
            await writer.drain()
            if self.closes_after_message and "." in said:
                return
            if said == ["STARTTLS"] and replies.startswith(b"220") and self.tls:
                await writer.start_tls(self.tls)
                secured = True
                fake.answers["EHLO"] = ehlo(self.name, *self.offers)


@dataclass
class FakeSts:
    policies: dict[str, StsFound] = field(default_factory=dict)

    last: list[bool] = field(default_factory=list)
    """Of each question, whether it was for the last attempt."""

    async def find(self, domain: str, *, last: bool = False) -> StsFound:
        self.last.append(last)
        return self.policies.get(domain, NO_POLICY)


class HeldNotes(NoNotes):
    def __init__(self) -> None:
        self.sessions: list[tuple[PolicySummary, Failure | None]] = []

    def tls_session(self, at: int, policy: PolicySummary, failure: Failure | None) -> None:
        self.sessions.append((policy, failure))


class HeldTrace:
    def __init__(self) -> None:
        self.events: list[TraceEvent] = []

    def note(self, event: TraceEvent) -> None:
        self.events.append(event)

    def of(self, happening: Happening) -> list[TraceEvent]:
        return [event for event in self.events if event.happening is happening]


class HeldWatch(TlsWatch):
    """Keeps which TLS other servers came to."""

    def __init__(self) -> None:
        self.sessions: list[tuple[str, str, str]] = []

    def failed(self, meeting: Meeting) -> None:
        raise AssertionError("a courier's own handshakes are told by TLS reports")

    def session(
        self, service: str, facts: TlsFacts, address: str, who: str, program: str = ""
    ) -> None:
        self.sessions.append((service, facts.version, who))


class World:
    def __init__(self, directory: Path, ca: PrivateCa, routes: Routes = Routes()) -> None:
        self.directory = directory
        self.ca = ca
        self.routes = routes
        self.clock = Clock()
        self.dns: dict[tuple[str, str], Any] = {}
        self.sts = FakeSts()
        self.notes = HeldNotes()
        self.watch = HeldWatch()
        self.trace = HeldTrace()
        self.servers: dict[str, FakeMx] = {}
        self.targets: list[tuple[Target, TlsDemand]] = []
        self.connections = 20
        self.leases = Limits(200)
        self.permits: Callable[[str], bool] = lambda address: True
        self.store = SqliteStore.open(directory)
        self.hooks: tuple[AttemptHook, ...] = ()
        self._trust = ClientTrust(ca.certificate_file)
        self._tokens = itertools.count()
        self._stack = contextlib.AsyncExitStack()
        self._running: list[Departures] = []

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        await add_account(self.store, ANN)
        return self

    async def __aexit__(self, *_: object) -> None:
        for departures in self._running:
            await departures.drain(0)
        await self._stack.aclose()
        talks = {task for mx in self.servers.values() for task in mx.tasks}
        if talks:  # they end when our side has closed; those that are held do not
            await asyncio.wait(talks, timeout=0.2)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        for _turn in range(5):  # transports close in the turns after
            await asyncio.sleep(0)
        await self.store.close()

    # --- what is there ---

    async def server(self, name: str, *, tls: bool = True, **facts: Any) -> FakeMx:
        """A server of this name, with a certificate of our authority for it."""
        context, chain = self._certificate(name) if tls else (None, b"")
        mx = FakeMx(name, context, chain, **facts)
        server = await asyncio.start_server(mx.serve, "127.0.0.1", 0)
        self._stack.callback(server.close)
        mx.port = server.sockets[0].getsockname()[1]
        self.servers[name] = mx
        self.dns.setdefault((name, "A"), [f"192.0.2.{len(self.servers)}"])
        return mx

    def _certificate(self, name: str) -> tuple[ssl.SSLContext, bytes]:
        leaf = issue_leaf(self.ca, [name], datetime.now(UTC))
        chain, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        chain.write_bytes(leaf.chain_pem)
        key.write_bytes(leaf.key_pem.reveal())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        return context, leaf.chain_pem

    def secure(self, name: str, kind: str, *records: Any) -> None:
        """Records that DNSSEC vouches for."""
        self.dns[name, kind] = Answer(name, records, secure=True, ttl=300)

    def signed(self, domain: str, mx: Any, *tlsa: Tlsa) -> None:
        """A domain whose way is signed, up to the records about its server's certificate."""
        self.secure(domain, "MX", mx)
        self.secure(mx.host, "A", "192.0.2.77")
        self.secure(mx.host, "AAAA")
        self.secure(f"_25._tcp.{mx.host}", "TLSA", *tlsa)

    # --- the loop ---

    def start(self, owner: str = "worker-1", store: SqliteStore | None = None) -> Departures:
        resolver = FakeResolver()
        resolver._known = self.dns  # what a test adds later is known, too
        means = Means(
            connect=self._connect,
            lookup=Lookup(resolver, self.sts, ("mail.here.test",), lambda: 0.5),
            routes=self.routes,
            notes=self.notes,
            watch=self.watch,
            clock=self.clock,
            permits=self.permits,
        )
        held = store or self.store

        def find(address: Address) -> Any:
            return find_recipients(held, address)

        reception = Reception(
            held, self.clock, Secret(b"k" * 32), "mail.here.test", trace=self.trace
        )
        home = Home(reception, file_spools(self.directory), self.clock, "mail.here.test")
        telling = Telling(
            "mail.here.test", find, self.trace, self.clock, lambda: f"token{next(self._tokens)}"
        )
        terms = Terms(owner, self.connections, self.leases)
        made = Departures(held, means, home, telling, self.trace, terms, lambda: 0.5, self.hooks)
        made.start()
        self._running.append(made)
        return made

    @staticmethod
    def to(address: str, notify: Notify = Notify(0), orcpt: str | None = None) -> NewRecipient:
        return NewRecipient(address, address.rpartition("@")[2], notify, orcpt)

    async def _connect(self, target: Target, demand: TlsDemand) -> OutboundConnection:
        self.targets.append((target, demand))
        there = self.servers.get(target.host)
        route = Route("127.0.0.1", there.port if there is not None else 1, tls=target.tls)
        return await connect(
            route,
            "mail.here.test",
            demand,
            self._trust,
            permits=lambda _: True,
            login=target.login,
            patience=QUICK,
        )

    # --- mail ---

    async def queue(
        self, *recipients: str, octets: bytes = LETTER, sender: str = ANN, **facts: Any
    ) -> QueueId:
        to = tuple(map(self.to, recipients))
        usual: dict[str, Any] = {"expires": NOW + 5 * DAY, "warn_at": NOW + 4 * 3600}
        usual["recipients"] = to
        envelope = Envelope(sender=sender, identity="id1", **(usual | facts))
        (message,) = await self.store.enqueue(Dispatch(octets, self.clock.now(), (envelope,)))
        return message

    async def settled(self, message: QueueId) -> list[tuple[RecipientState, str]]:
        """States and answers, when nobody of the message is waiting for a first try any more."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                page = await self.store.queue_page(QueueFilter(message=message))
                if not page.messages:
                    return []
                found = page.messages[0].recipients
                fresh = [one for one in found if one.next_attempt <= self.clock.now()]
                if all(one.state is not RecipientState.LEASED for one in found) and not [
                    one for one in fresh if one.state is RecipientState.WAITING
                ]:
                    return [(one.state, one.answer) for one in found]
                await asyncio.sleep(0.002)

    async def again(self, message: QueueId, seconds: int = 0) -> list[tuple[RecipientState, str]]:
        """Time goes by, and everything is tried again."""
        self.clock.at += seconds
        await self.store.change(Change.RETRY, QueueFilter(message=message), self.clock.now())
        return await self.settled(message)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                await asyncio.sleep(0.002)

    async def inbox(self, address: str = ANN) -> list[bytes]:
        return [octets async for octets in self._octets(address)]

    async def _octets(self, address: str) -> AsyncIterator[bytes]:
        account = await self.store.find_account(address)
        stat = await self.store.stat(account.id, "INBOX")
        async for rows in self.store.fetch(stat.id, ALL_UIDS, (Column.CONTENT,)):
            for (content,) in rows:
                body = await self.store.body(content)
                yield body.read(0, body.octets)

    async def attempts(self, message: QueueId) -> list[Any]:
        return await self.store.queue_attempts(message)
