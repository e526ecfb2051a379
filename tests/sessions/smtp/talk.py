"""A server in a box: the engine and the handlers, without network or event loop between them.

The store and the authenticator are working doubles that never wait, so that a whole
conversation runs in one go; the real ones are used in ``tests/servers/test_smtp.py``.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsFacts
from mailclad.engines.spool.spool import FileSpool
from mailclad.protocols.smtp.command import Close, UpgradeToTls
from mailclad.protocols.smtp.connection import ServerConnection
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.limits import Limits
from mailclad.services.auth.authenticator import (
    Authenticated,
    AuthenticationFailed,
    AuthenticationMalformed,
    Authenticator,
    Challenge,
    Exchange,
    MechanismUnknown,
    Use,
)
from mailclad.services.receive.guard import Client, Guard
from mailclad.services.receive.networks import Networks
from mailclad.services.receive.reception import Reception
from mailclad.services.submit.signing import Signing
from mailclad.services.submit.submission import Submission
from mailclad.sessions.smtp.session import Entrance, Session, Site, SubmissionDoor, meet
from mailclad.sessions.smtp.table import carry_out
from mailclad.store.errors import DomainNotFound
from mailclad.store.interface import Store
from mailclad.store.model import Account, AccountId, Mailbox, MailboxId, Resolved, SpecialUse
from mailclad.store.queue import Dispatch, Envelope, QueueId
from mailclad.store.sending import Spending
from mailclad.store.signing_keys import StoredKey
from mailclad.store.trace import NoTrace, Trace

T = TypeVar("T")

NOW = 1_767_225_600
"""Thu, 01 Jan 2026 00:00:00 +0000."""

TLS = TlsFacts(
    version="TLSv1.3",
    suite="TLS_AES_256_GCM_SHA384",
    group="X25519MLKEM768",
    alpn=None,
    server_name=None,
    resumed=False,
    exporter=lambda: None,
    end_point=lambda: b"",
)


def at_once(running: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        running.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    raise AssertionError("it waited")


class FakeClock:
    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def account(number: int, address: str, *, disabled: bool = False) -> Account:
    return Account(AccountId(number), address, "", disabled, NOW + number)


class FakeStore:
    """Keeps what is delivered; ``problem`` makes the next delivery fail."""

    def __init__(self) -> None:
        self.people = [account(1, "ada@example.org"), account(2, "grace@example.org")]
        self.addresses = {
            "ada@example.org": (1,),
            "grace@example.org": (2,),
            "team@example.org": (1, 2),
            "mixed@example.org": (1,),
            "josé@xn--bcher-kva.example": (2,),
        }
        self.kept: list[tuple[tuple[int, ...], bytes]] = []
        self.mailboxes_used: list[str] = []
        self.queued: list[Envelope] = []
        self.elsewhere = {
            "bob@example.org": ("Bob@far.example",),
            "both@example.org": ("bob@far.example", "eve@bücher.example"),
            "mixed@example.org": ("bob@far.example",),
        }
        self.problem: Exception | None = None
        self.full: frozenset[int] = frozenset()

    async def domains(self) -> list[str]:
        return ["empty.example", "example.org", "xn--bcher-kva.example"]

    async def oldest_account(self, domain: str) -> AccountId | None:
        there = (one for one in self.people if one.address.endswith(f"@{domain}"))
        return next((one.id for one in there if not one.disabled), None)

    async def resolve(self, address: str) -> Resolved:
        if address.rpartition("@")[2] not in await self.domains():
            raise DomainNotFound
        accounts = tuple(AccountId(number) for number in self.addresses.get(address, ()))
        return Resolved(accounts, self.elsewhere.get(address, ()))

    async def owns(self, owner: AccountId, address: str) -> bool:
        return self.addresses.get(address) == (owner,)

    async def mailboxes(self, owner: AccountId) -> list[Mailbox]:
        return [Mailbox(MailboxId(2), "Spam", 1, SpecialUse.JUNK, True)]

    async def enqueue(self, dispatch: Dispatch) -> tuple[QueueId, ...]:
        places = () if dispatch.local is None else dispatch.local.recipients
        numbers = tuple(number for number, _ in places)
        if self.problem is not None and (not self.full or self.full.intersection(numbers)):
            raise self.problem
        self.kept.append((numbers, bytes(dispatch.octets)))
        self.mailboxes_used += [name for _, name in places]
        self.queued += dispatch.envelopes
        return tuple(QueueId(number) for number, _ in enumerate(dispatch.envelopes))

    async def enqueue_counted(self, dispatch: Dispatch, spending: Spending) -> tuple[QueueId, ...]:
        return await self.enqueue(dispatch)

    async def signing_keys(self, domain: str | None = None) -> tuple[StoredKey, ...]:
        return ()


class FakeExchange:
    """PLAIN in one step, LOGIN in two; one password for everybody."""

    def __init__(self, mechanism: str) -> None:
        self.mechanism = mechanism
        self.login: str | None = None

    async def step(self, response: bytes | None) -> Challenge | Authenticated:
        if self.mechanism == "PLAIN":
            if response is None:
                return Challenge(b"")
            if response.count(b"\0") != 2:
                raise AuthenticationMalformed
            _, login, password = response.decode(errors="replace").split("\0")
            return self._finish(login, password)
        if response is None:
            return Challenge(b"User Name\0")
        if self.login is None:
            self.login = response.decode(errors="replace")
            return Challenge(b"Password\0")
        return self._finish(self.login, response.decode(errors="replace"))

    def _finish(self, login: str, password: str) -> Authenticated:
        for each in FakeStore().people:
            if (login, password) == (each.address, "secret"):
                return Authenticated(each, self.mechanism)
        raise AuthenticationFailed


class FakeAuthenticator:
    def mechanisms(self, tls: TlsFacts | None, *, with_login: bool = False) -> tuple[str, ...]:
        return ("PLAIN", "LOGIN") if tls is not None and with_login else ()

    def begin(self, mechanism: str, use: Use, peer: str, tls: TlsFacts) -> Exchange:
        if mechanism not in ("PLAIN", "LOGIN"):
            raise MechanismUnknown(mechanism)
        return cast("Exchange", FakeExchange(mechanism))


def make_spool() -> FileSpool:
    return FileSpool(Path("/nowhere"))  # what is spooled here stays below the file's threshold


@dataclass
class Talk:
    """One connection; ``feed`` gives what the server answers to these octets."""

    role: Role = Role.MX
    limits: Limits = Limits()
    tls: TlsFacts | None = None
    starttls: bool = True
    store: FakeStore = field(default_factory=FakeStore)
    guards: tuple[Guard, ...] = ()
    strict: bool = False
    proxies: tuple[str, ...] = ()
    trace: Trace = field(default_factory=NoTrace)
    closed: str | None = None
    upgrading: bool = False

    def __post_init__(self) -> None:
        self.starttls = self.starttls and self.role is not Role.LMTP
        store = cast("Store", self.store)
        clock = FakeClock()
        reception = Reception(store, clock, Secret(b"k" * 32), "mx.example.org", trace=self.trace)
        signing = Signing(store, clock)
        submission = Submission(store, reception, signing, make_spool, clock, "mx.example.org")
        door = SubmissionDoor(cast("Authenticator", FakeAuthenticator()), submission)
        site = Site(
            self.role,
            "mx.example.org",
            self.starttls,
            reception,
            door if self.role is Role.SUBMISSION else None,
            make_spool,
            clock,
            self._new_identity,
            self.limits,
            self.guards,
            Entrance(proxies=Networks(self.proxies)),
            self.trace,
        )
        self._identities = 0
        self.session = meet(site, Client("192.0.2.7", 25, "mx.example.org", self.tls))
        self.connection = ServerConnection(
            self.role,
            self.limits,
            starttls=self.starttls,
            encrypted=self.tls is not None,
            strict=self.strict,
            xclient=self.session.client.peer in site.entrance.proxies,
        )

    def _new_identity(self) -> str:
        self._identities += 1
        return f"id{self._identities}"

    def feed(self, data: bytes) -> bytes:
        connection = self.connection
        connection.receive_data(data)
        while (event := connection.next_event()) is not None:
            if isinstance(event, Close):
                self.closed = event.reason
                self.session.end()
            elif isinstance(event, UpgradeToTls):
                self.upgrading = True
            else:
                self.session = at_once(carry_out(connection, self.session, event))
        return connection.data_to_send()

    def start_tls(self) -> None:
        assert self.upgrading
        self.upgrading = False
        self.connection.tls_started()
        session = self.session
        client = replace(session.client, tls=TLS, hello="")
        self.session = Session(session.site, client, session.visits)

    def messages(self) -> list[bytes]:
        """What was kept, without our trace fields."""
        return [strip_trace(octets) for _, octets in self.store.kept]


def strip_trace(octets: bytes) -> bytes:
    """The message behind the one Received field that is ours."""
    date = octets.index(b"\r\n\t", octets.index(b";", octets.index(b"\nReceived: ")))
    return octets[octets.index(b"\r\n", date + 2) + 2 :]
