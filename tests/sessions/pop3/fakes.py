"""A maildrop in memory and a driver that needs no network."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from mailclad.base.secret import Secret
from mailclad.protocols.pop3.connection import Close, ServerConnection, UpgradeToTls
from mailclad.protocols.pop3.responses import Response
from mailclad.sessions.pop3 import table
from mailclad.sessions.pop3.outcome import answer
from mailclad.sessions.pop3.session import Session
from mailclad.store.errors import BodyDamaged, ClaimHeld, MessageNotFound, StoreUnavailable
from mailclad.store.interface import Row
from mailclad.store.model import (
    AccountId,
    Column,
    ContentId,
    MailboxId,
    MailboxStat,
    Uid,
    UidSet,
)
from tests.services.auth.fakes import TLS, FakeDirectory, Setting, now

MESSAGES = {
    4: b"Subject: one\r\n\r\n.\r\n.dots\r\nend.\r\n...\r\n",
    7: b"Subject: two\r\n\r\nline 1\r\nline 2\r\nline 3\r\n",
    9: b"no end of it",
}
UID_VALIDITY = 1_700_000_000


@dataclass
class FakeBody:
    data: bytes
    damaged_at: int | None = None

    @property
    def octets(self) -> int:
        return len(self.data)

    def read(self, start: int, octets: int) -> bytes:
        if self.damaged_at is not None and start + octets > self.damaged_at:
            raise BodyDamaged("pack 1, offset 0")
        return self.data[start : start + octets]

    def close(self) -> None:
        pass


@dataclass
class FakeClaim:
    held: set[AccountId]
    account: AccountId

    def release(self) -> None:
        self.held.remove(self.account)


@dataclass
class FakeMaildrops:
    """One INBOX for everyone, whose account ``busy`` has another reader."""

    messages: dict[int, bytes] = field(default_factory=lambda: dict(MESSAGES))
    busy: frozenset[AccountId] = frozenset()
    held: set[AccountId] = field(default_factory=set)
    damaged_at: int | None = None
    failing: bool = False

    async def stat(self, account: AccountId, name: str) -> MailboxStat:
        self._check()
        octets = sum(map(len, self.messages.values()))
        count = len(self.messages)
        return MailboxStat(MailboxId(1), name, count, 0, 0, octets, 10, UID_VALIDITY, 1)

    async def fetch(
        self, mailbox: MailboxId, uids: UidSet, columns: Sequence[Column]
    ) -> AsyncIterator[list[Row]]:
        assert tuple(columns) == (Column.UID, Column.OCTETS, Column.CONTENT)
        rows: list[Row] = [(uid, len(octets), uid + 100) for uid, octets in self.messages.items()]
        for start in range(0, len(rows), 1_000):
            yield rows[start : start + 1_000]

    async def body(self, content: ContentId) -> FakeBody:
        self._check()
        if content - 100 not in self.messages:
            raise MessageNotFound
        return FakeBody(self.messages[content - 100], self.damaged_at)

    async def remove(self, mailbox: MailboxId, uids: UidSet) -> list[Uid]:
        self._check()
        gone = [uid for uid in self.messages if any(a <= uid <= b for a, b in uids)]
        for uid in gone:
            del self.messages[uid]
        return gone

    def claim(self, account: AccountId) -> FakeClaim:
        if account in self.busy | self.held:
            raise ClaimHeld
        self.held.add(account)
        return FakeClaim(self.held, account)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("the disk does not answer")


def people() -> FakeDirectory:
    """Ada has the app password a to p; busy has another session; grace has no password."""
    setting = Setting()

    async def make() -> None:
        provision = setting.provision
        await provision.add_domain("example.org")
        for name, letters in (("ada", "abcdefghijklmnop"), ("busy", "busybusybusybusy")):
            address = f"{name}@example.org"
            await provision.add_account(address, Secret(b"a chosen password"))
            await provision.add_app_password(address, "phone", secret=letters)
        await provision.add_account("grace@example.org")

    now(make())
    setting.close()
    return setting.directory


PEOPLE = people()
BUSY = frozenset({PEOPLE.kept["busy@example.org"].account.id})


class Driver:
    """The engine and the handlers with no network and no event loop between them."""

    def __init__(self, *, tls: bool, maildrops: FakeMaildrops | None = None) -> None:
        self.setting = Setting(PEOPLE)
        self.maildrops = maildrops or FakeMaildrops(busy=BUSY)
        facts = TLS if tls else None
        self.connection = ServerConnection(tls=facts, starttls=True)
        self.session = Session(
            self.setting.authenticator, self.maildrops, "192.0.2.1", facts, True, 0
        )
        self.upgrading = False
        self.closed: str | None = None
        self.connection.greet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.release()
        self.setting.close()

    async def _emit(self, response: Response) -> None:
        self.connection.send(response)

    def feed(self, data: bytes) -> bytes:
        self.connection.receive_data(data)
        while (event := self.connection.next_event()) is not None:
            match event:
                case Close(why):
                    self.closed = why
                case UpgradeToTls():
                    self.upgrading = True
                case _:
                    outcome = now(table.run(self.session, event, self._emit))
                    answer(self.connection, outcome)
                    self.session = outcome.become or self.session
        return self.connection.data_to_send()

    def handshake(self) -> None:
        assert self.upgrading
        self.upgrading = False
        self.connection.tls_started(TLS)
        self.session = self.session.in_tls(TLS)
