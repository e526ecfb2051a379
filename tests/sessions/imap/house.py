"""The real store and the real log-in behind the real engine; only the network is not there.

``House`` has one account; each ``Client`` is a connection to it.  ``say`` feeds octets and
gives back what the server says to them; ``heard`` takes what came unasked.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsFacts
from mailclad.engines.spool.spool import FileSpool
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.protocols.imap.connection import Close, ServerConnection, Terms, UpgradeToTls
from mailclad.protocols.imap.gates import State
from mailclad.protocols.imap.prepare import prepare
from mailclad.protocols.imap.responses import Untagged
from mailclad.services.auth.authenticator import Authenticator
from mailclad.services.auth.password import Argon2id, PasswordChecker
from mailclad.services.auth.throttle import Throttle, ThrottleTables
from mailclad.services.auth.verifier import Verifier
from mailclad.services.provision.accounts import Provision
from mailclad.sessions.imap.announce import announce
from mailclad.sessions.imap.session import Authenticated, Selected, Session, Site
from mailclad.sessions.imap.table import carry_out
from mailclad.store.model import Account, NewMessage, Stored

TLS = TlsFacts(
    "TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", b"imap", "mail.example", False,
    lambda: None, lambda: b"",
)  # fmt: skip
"""A handshake that never was."""

ADDRESS = "ada@mail.example"
APP_PASSWORD = "abcdefghijklmnop"
DATE = 1_750_000_000


class FakeClock:
    def __init__(self) -> None:
        self.seconds = DATE

    def now(self) -> int:
        return self.seconds

    def monotonic(self) -> float:
        return float(self.seconds)


async def _at_once(seconds: float) -> None:
    """Who guesses waits; tests do not."""


class House:
    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock()
        self.store = SqliteStore.open(directory)
        self.secret = Secret(b"s" * 32)
        self.checker = PasswordChecker(Argon2id(memory_kib=8, passes=1))
        self.tables = ThrottleTables()
        throttle = Throttle(self.tables, self.clock)
        verifier = Verifier(
            self.store, self.secret.reveal(), self.checker, throttle, self.clock, _at_once
        )
        authenticator = Authenticator(verifier)
        self.site = Site(self.store, authenticator, self.clock)
        self.terms = Terms(
            lambda: FileSpool(directory), authenticator.mechanisms, True, 10_000_000
        )
        self.account: Account | None = None

    async def furnish(self) -> None:
        provision = Provision(self.store, self.secret, self.checker, self.clock)
        await provision.add_domain("mail.example")
        self.account = await provision.add_account(ADDRESS)
        await provision.add_app_password(ADDRESS, "tests", secret=APP_PASSWORD)

    async def append(self, *messages: bytes, mailbox: str = "INBOX", flags: int = 0) -> list[int]:
        """Messages with dates a minute apart; their UIDs."""
        assert self.account is not None
        target = await self.store.stat(self.account.id, mailbox)
        stored: list[Stored] = []
        for place, octets in enumerate(messages):
            new = NewMessage(octets, prepare(octets), flags, DATE + 60 * place)
            stored += await self.store.append(target.id, [new])
        return [one.uid for one in stored]

    def client(self, state: State = State.AUTHENTICATED, tls: TlsFacts | None = TLS) -> "Client":
        return Client(self, state, tls)

    async def close(self) -> None:
        self.checker.close()
        self.tables.close()
        await self.store.close()


class Client:
    """A connection; the driver does what the shell does, without a network."""

    def __init__(self, house: House, state: State, tls: TlsFacts | None) -> None:
        self.connection = ServerConnection(house.terms, tls)
        self.session = Session(house.site, self.connection, "192.0.2.1", self._wake)
        self.closed: str | None = None
        self._woken = False
        if state is State.AUTHENTICATED:
            assert house.account is not None
            self.session = Authenticated(
                house.site, self.connection, "192.0.2.1", self._wake, house.account
            )
            self.connection.state = state

    def _wake(self) -> None:
        self._woken = True

    async def __call__(self, response: Untagged) -> None:
        self.connection.send(response)

    async def raw(self, octets: bytes) -> None:
        self.connection.send_raw(octets)

    async def say(self, octets: bytes | str) -> bytes:
        self.connection.receive_data(octets.encode() if isinstance(octets, str) else octets)
        while (event := self.connection.next_event()) is not None:
            match event:
                case Close(why):
                    self.closed = why
                case UpgradeToTls():
                    self.connection.tls_started(TLS)
                case _:
                    self.session = await carry_out(self.session, event, self)
        return self.connection.data_to_send()

    async def heard(self) -> bytes:
        """What the server says of its own accord, while the client idles."""
        if self._woken and self.connection.idling and isinstance(self.session, Selected):
            await announce(self.session, self, hold_expunged=False)
        self._woken = False
        return self.connection.data_to_send()

    def leave(self) -> None:
        self.session.end()
        self.connection.close()


@asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    with TemporaryDirectory() as directory:
        house = House(Path(directory))
        try:
            await house.furnish()
            yield house
        finally:
            await house.close()


PLAIN = (
    b"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
    b"From: Fred Foobar <foobar@example.com>\r\n"
    b"Subject: afternoon meeting\r\n"
    b"To: mooch@example.net\r\n"
    b"Message-ID: <B27397-0100000@example.com>\r\n"
    b"X-Note: one\r\n"
    b"\r\n"
    b"Hello Joe, do you think we can meet at 3:30 tomorrow?\r\n"
)
"""The message of RFC 9051 §6.3.12, near enough."""

MULTIPART = (
    b"From: grace@example.net\r\n"
    b"To: ada@mail.example\r\n"
    b"Subject: two parts\r\n"
    b"Date: Tue, 8 Feb 1994 10:00:00 +0000\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b1"\r\n'
    b"\r\n"
    b"preamble\r\n"
    b"--b1\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n"
    b"gr=C3=BC=C3=9Fe\r\n"
    b"--b1\r\n"
    b"Content-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: base64\r\n"
    b"\r\n"
    b"AAECAwQFBgc=\r\n"
    b"--b1\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n"
    b"Subject: inner\r\n"
    b"From: inner@example.org\r\n"
    b"\r\n"
    b"inner text\r\n"
    b"--b1--\r\n"
)
