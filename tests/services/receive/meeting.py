"""A guard's visit in a test: what happens to one message, without a server around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mailclad.mail.address import Address, parse_address
from mailclad.protocols.smtp.command import Mail
from mailclad.services.receive.guard import Arrived, Client, Guard, MailFrom, Opinion

NOW = 1_767_225_600
CLIENT = Client("192.0.2.1", 25, "mx.ours.test", None, "mx.good.test")


@dataclass
class FakeClock:
    """``ahead`` seconds have passed."""

    ahead: float = 0.0

    def now(self) -> int:
        return NOW + int(self.ahead)

    def monotonic(self) -> float:
        return self.ahead


@dataclass
class Meeting:
    """One connection with one guard; raises what the guard raises."""

    guard: Guard
    client: Client = CLIENT
    accepted: list[Address] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.visit = self.guard.meet(self.client)
        self.sender = MailFrom(self.client, "id1", Mail(None))

    async def mail(self, sender: str) -> None:
        self.accepted.clear()
        path = parse_address(sender) if sender else None
        self.sender = MailFrom(self.client, "id1", Mail(path))
        await self.visit.mail(self.sender)

    async def recipient(self, *texts: str) -> None:
        for text in texts:
            address = parse_address(text)
            await self.visit.recipient(self._now(), address)
            self.accepted.append(address)

    async def message(self, octets: bytes) -> Opinion:
        return await self.visit.message(self._now(), Arrived(octets, 0, tuple(self.accepted)))

    async def whole(
        self, octets: bytes, sender: str = "bob@good.test", to: Sequence[str] = ("ada@ours.test",)
    ) -> Opinion:
        await self.visit.connected()
        await self.mail(sender)
        await self.recipient(*to)
        return await self.message(octets)

    def _now(self) -> MailFrom:
        return replace(self.sender, recipients=tuple(self.accepted))
