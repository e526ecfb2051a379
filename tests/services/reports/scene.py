"""A server that reports and is reported to: a real store, DNS in a dict, time stands still."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from mailclad.base.octets import Octets
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.engines.sqlite.verify import verify
from mailclad.mail.dkim.sign import sign_dkim
from mailclad.mail.dkim.signing_key import KeyKind, SigningKey, load_key, make_key, public_record
from mailclad.mail.dmarc.record import Policy
from mailclad.mail.dmarc.report import DkimShown, PolicyShown, Row, SpfShown
from mailclad.mail.tls_rpt import Failure, PolicySummary, PolicyType, ResultType
from mailclad.services.reports.addresses import ReportAddresses
from mailclad.services.reports.counting import Counting
from mailclad.services.reports.here import LocalPost
from mailclad.services.reports.intake import Intake
from mailclad.services.reports.sender import Senders, SenderWishes
from mailclad.services.reports.sending import Post, Poster, Sending
from mailclad.store.reports import DAY_SECONDS
from tests.dns.fake import FakeResolver, Known
from tests.engines.stores import add_account

DAY = 20_500
NOON = DAY * DAY_SECONDS + 43_200
NEXT_NOON = NOON + DAY_SECONDS
"""By then every report of the day is due."""

HOST = "mail.ours.test"
KEY: SigningKey = load_key(make_key(KeyKind.ED25519), "ours.test", "s1")

WANTS_DMARC = ("_dmarc.theirs.test", "TXT"), [b"v=DMARC1; p=reject; rua=mailto:d@theirs.test"]
WANTS_TLS = ("_smtp._tls.theirs.test", "TXT"), [b"v=TLSRPTv1; rua=mailto:t@theirs.test"]
PUBLISHED = ("s1._domainkey.ours.test", "TXT"), [public_record(KEY).encode()]
DNS: dict[tuple[str, str], Known] = dict([WANTS_DMARC, WANTS_TLS, PUBLISHED])

POLICY = PolicyShown("theirs.test", Policy.REJECT)
ROW = Row(
    "192.0.2.1", 1, Policy.NONE, dkim=True, spf=False, header_from="theirs.test",
    envelope_from="theirs.test", dkim_results=(DkimShown("theirs.test", "s", "pass"),),
    spf_results=(SpfShown("theirs.test", "fail"),),
)  # fmt: skip
FORGED = Row(
    "203.0.113.9", 1, Policy.REJECT, dkim=False, spf=False, header_from="theirs.test",
    spf_results=(SpfShown("evil.test", "pass"),),
)  # fmt: skip
STS = PolicySummary(PolicyType.STS, "theirs.test", ("version: STSv1",), ("mx.theirs.test",))
EXPIRED = Failure(ResultType.CERTIFICATE_EXPIRED, 1, "192.0.2.9", "mx.theirs.test")


@dataclass
class SetClock:
    time: int = NOON

    def now(self) -> int:
        return self.time

    def monotonic(self) -> float:
        return 0.0


@dataclass
class Signer:
    """Signs for those whose key it has."""

    keys: dict[str, SigningKey] = field(default_factory=lambda: {"ours.test": KEY})
    time: int = NOON

    async def sign_message(self, octets: Octets, domain: str) -> bytes:
        key = self.keys.get(domain)
        return sign_dkim(octets, [key], self.time) if key is not None else b""


@dataclass
class FakePoster:
    takes: bool = True
    posted: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def post(self, url: str, media_type: str, octets: bytes) -> bool:
        self.posted.append((url, media_type, octets))
        return self.takes


@dataclass
class Scene:
    store: SqliteStore
    resolver: FakeResolver
    clock: SetClock = field(default_factory=SetClock)
    signer: Signer = field(default_factory=Signer)
    poster: Poster | None = None

    def __post_init__(self) -> None:
        self.addresses = ReportAddresses(("dmarc", "tlsrpt"))
        self.intake = Intake(self.store, self.store, self.resolver, self.clock)
        self.counting = Counting(self.store, HOST)
        self.senders = Senders(self.store, HOST, "dmarc", SenderWishes())

    def sending(self) -> Sending:
        here = LocalPost(self.store, self.addresses, self.intake, self.clock, HOST)
        post = Post(self.signer, here, self.poster)
        return Sending(self.store, self.resolver, self.clock, post, self.senders.find)

    async def send(self, at: int = NEXT_NOON) -> None:
        """What was noted goes."""
        await self.counting.flush()
        self.clock.time = at
        await self.sending().send_due()

    async def mails(self) -> list[bytes]:
        """What lies in the queue."""
        page = await self.store.queue_page()
        found = []
        for queued in page.messages:
            body = await self.store.body(queued.message.content)
            found.append(body.read(0, body.octets))
            body.close()
        return found


def play(
    directory: Path,
    scenario: Callable[[Scene], Awaitable[None]],
    dns: dict[tuple[str, str], Known] | None = None,
    *domains: str,
) -> None:
    """On a new store that has ours.test, or these domains; it must be whole at the end."""

    async def main() -> None:
        store = SqliteStore.open(directory)
        try:
            for domain in domains or ("ours.test",):
                await add_account(store, f"ann@{domain}")
            await scenario(Scene(store, FakeResolver(DNS if dns is None else dns)))
        finally:
            await store.close()

    asyncio.run(main())
    assert verify(directory) == []
