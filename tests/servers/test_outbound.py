"""Mail that goes out over real sockets: to our own server, and to servers that misbehave."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.address import parse_address
from mailclad.mail.tls_verdict import Authentication, Failure, TlsDemand, TlsLevel
from mailclad.protocols.smtp.client.envelope import Envelope
from mailclad.protocols.smtp.client.login import Login
from mailclad.protocols.smtp.client.outcome import Fate, Stage, Unsendable, Verdict
from mailclad.protocols.smtp.client.report import Delivery
from mailclad.protocols.smtp.command import Mail, Rcpt
from mailclad.servers.outbound import (
    HeldBody,
    OutboundConnection,
    Patience,
    Route,
    connect,
    deliver,
    is_public,
)
from mailclad.servers.tls import ClientTrust
from mailclad.testing import MailServer
from tests.servers.loopback import run_on

ADA = "ada@example.test"
MAY = TlsDemand(TlsLevel.MAY, ("localhost",))
VERIFY = replace(MAY, level=TlsLevel.VERIFY)
NONE = replace(MAY, level=TlsLevel.NONE)
QUICK = Patience(connect=5, greeting=0.2, command=0.2, data=0.2, block=0.2, message=0.2, quit=0.2)
EHLO = b"250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n"


def to_ada(sender: str = "bob@example.org", *more: str) -> Envelope:
    recipients = tuple(Rcpt(parse_address(one)) for one in (ADA, *more))
    return Envelope(Mail(parse_address(sender)), recipients)


def problem(found: Delivery) -> Verdict:
    assert found.report.problem is not None
    return found.report.problem


def failure(found: Delivery) -> Failure | None:
    assert found.report.verdict is not None
    return found.report.verdict.failure


def anywhere(address: str) -> bool:
    return True


def without_trace(octets: bytes) -> bytes:
    """The stored message without the lines that our server has put on top."""
    return re.sub(
        rb"\A(?:(?:Delivered-To|Return-Path|Received)[^\n]*\n(?:[ \t][^\n]*\n)*)+", b"", octets
    )


@pytest.fixture
def trust(mail: MailServer) -> ClientTrust:
    mail.add_account(ADA)
    return ClientTrust(mail.ca)


MESSAGES = [
    b"Subject: one\r\n\r\n.\r\n..\r\n.x\r\nend\r\n",
    b"Subject: eight\r\n\r\n" + "Grüße\r\n".encode() * 30_000,
    b"Subject: many\r\n\r\n" + b".\r\n" * 100_000,
]


def test_messages_arrive_octet_for_octet(loop: str, mail: MailServer, trust: ClientTrust) -> None:
    async def work() -> Delivery:
        route = Route("127.0.0.1", mail.port("smtp", "starttls"))
        made = await connect(route, "client.test", VERIFY, trust, permits=anywhere)
        assert made.is_open
        return await deliver(made, [(to_ada(), HeldBody(one)) for one in MESSAGES])

    report, outcomes = (found := run_on(loop, work)).report, found.outcomes
    assert [without_trace(octets) for octets in mail.octets(ADA)] == MESSAGES
    assert [one.recipients[0].fate for one in outcomes] == [Fate.DELIVERED] * 3
    assert report.problem is None
    assert report.verdict is not None
    assert report.verdict.authentication is Authentication.PKIX
    assert report.tls is not None
    assert report.tls.version == "TLSv1.3"
    assert "STARTTLS" not in report.capabilities


def test_each_recipient_has_its_fate(loop: str, mail: MailServer, trust: ClientTrust) -> None:
    async def work() -> Delivery:
        route = Route("127.0.0.1", mail.port("smtp", "starttls"), source="127.0.0.1")
        made = await connect(route, "client.test", MAY, trust, permits=anywhere)
        envelope = to_ada("bob@example.org", "nobody@example.test", "x@elsewhere.test")
        return await deliver(made, [(envelope, HeldBody(MESSAGES[0]))])

    (outcome,) = run_on(loop, work).outcomes
    fates = [one.fate for one in outcome.recipients]
    assert fates == [Fate.DELIVERED, Fate.REFUSED, Fate.REFUSED]
    assert len(mail.octets(ADA)) == 1


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
def test_a_smart_host(loop: str, mail: MailServer, trust: ClientTrust, mode: str) -> None:
    async def work(password: bytes) -> Delivery:
        route = Route("127.0.0.1", mail.port("submission", mode), tls=TlsMode(mode))
        login = Login(ADA, Secret(password))
        made = await connect(route, "client.test", VERIFY, trust, permits=anywhere, login=login)
        return await deliver(
            made, [(to_ada(ADA), HeldBody(b"From: ada@example.test\r\n\r\nhi\r\n"))]
        )

    found = run_on(loop, lambda: work(b"correct horse"))
    assert found.outcomes[0].recipients[0].fate is Fate.DELIVERED
    found = run_on(loop, lambda: work(b"wrong"))
    assert problem(found).code == 535
    assert found.outcomes[0].recipients[0].fate is Fate.DEFERRED
    assert len(mail.octets(ADA)) == 1


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
def test_nothing_is_said_to_a_server_that_is_not_the_one(
    loop: str, mail: MailServer, trust: ClientTrust, mode: str
) -> None:
    """Neither mail nor a password."""
    wrong = TlsDemand(TlsLevel.VERIFY, ("other.test",))

    async def work(demand: TlsDemand) -> Delivery:
        route = Route("127.0.0.1", mail.port("submission", mode), tls=TlsMode(mode))
        login = Login(ADA, Secret(b"correct horse"))
        made = await connect(route, "client.test", demand, trust, permits=anywhere, login=login)
        return await deliver(made, [(to_ada(ADA), HeldBody(b"x"))])

    for demand in (wrong, replace(wrong, level=TlsLevel.MAY)):
        found = run_on(loop, partial(work, demand))
        assert failure(found) is Failure.HOST_MISMATCH
        assert found.report.problem is not None
        assert [one.fate for one in found.outcomes[0].recipients] == [Fate.DEFERRED]
    assert mail.octets(ADA) == []


def test_only_where_it_is_demanded_does_the_certificate_decide(
    loop: str, mail: MailServer, trust: ClientTrust
) -> None:
    async def work(level: TlsLevel) -> Delivery:
        route = Route("127.0.0.1", mail.port("smtp", "starttls"))
        demand = TlsDemand(level, ("other.test",))
        made = await connect(route, "client.test", demand, trust, permits=anywhere)
        return await deliver(made, [(to_ada(), HeldBody(MESSAGES[0]))])

    found = run_on(loop, partial(work, TlsLevel.VERIFY))
    assert problem(found).status == "4.7.5"
    assert found.outcomes[0].recipients[0].fate is Fate.DEFERRED
    assert mail.octets(ADA) == []
    for count, level in enumerate((TlsLevel.ENCRYPT, TlsLevel.MAY), 1):
        found = run_on(loop, partial(work, level))
        assert failure(found) is Failure.HOST_MISMATCH
        assert found.outcomes[0].recipients[0].fate is Fate.DELIVERED
        assert len(mail.octets(ADA)) == count


def test_a_body_that_cannot_be_read_is_never_ended(
    loop: str, mail: MailServer, trust: ClientTrust
) -> None:
    class Damaged(HeldBody):
        def read(self, start: int, octets: int) -> bytes:
            if start:
                raise OSError("the disk")
            return super().read(start, octets)

    async def work() -> OutboundConnection:
        route = Route("127.0.0.1", mail.port("smtp", "starttls"))
        made = await connect(route, "client.test", MAY, trust, permits=anywhere)
        with pytest.raises(OSError, match="the disk"):
            await made.send(to_ada(), Damaged(MESSAGES[2]))
        assert not made.is_open
        await made.close()
        return made

    assert run_on(loop, work).report.problem.fate is Fate.DEFERRED
    assert mail.octets(ADA) == []


@pytest.mark.rfc("8689", "4.2.1")
def test_requiretls_only_to_who_was_authenticated(
    loop: str, mail: MailServer, trust: ClientTrust
) -> None:
    async def work(name: str) -> Delivery:
        route = Route("127.0.0.1", mail.port("smtp", "starttls"))
        demand = TlsDemand(TlsLevel.MAY, (name,))
        made = await connect(route, "client.test", demand, trust, permits=anywhere)
        envelope = replace(to_ada(), require_tls=True)
        return await deliver(made, [(envelope, HeldBody(b"x")), (to_ada(), HeldBody(b"x"))])

    refused, later = run_on(loop, partial(work, "other.test")).outcomes
    assert refused.unsendable is Unsendable.REQUIRETLS
    assert refused.recipients[0].verdict.status == "5.7.10"
    assert later.recipients[0].fate is Fate.DELIVERED
    taken, _ = run_on(loop, partial(work, "localhost")).outcomes
    assert taken.recipients[0].fate is Fate.DELIVERED


# --- servers that misbehave ---

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def hostile(answer: Answer) -> AsyncIterator[Route]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Route("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()


def attempt(loop: str, trust: ClientTrust, answer: Answer, demand: TlsDemand = NONE) -> Delivery:
    """Two messages to such a server."""

    async def work() -> Delivery:
        async with hostile(answer) as route:
            made = await connect(
                route, "client.test", demand, trust, permits=anywhere, patience=QUICK
            )
            body = HeldBody(b"x\r\n" * 1_000_000)
            return await deliver(made, [(to_ada(), HeldBody(b"hi\r\n")), (to_ada(), body)])

    found: Delivery = run_on(loop, work)
    return found


def says(*replies: bytes, then: bytes = b"") -> Answer:
    """One reply for each line that comes, then the end."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, reply in enumerate(replies):
            if number:
                await reader.readline()
            writer.write(reply)
            await writer.drain()
        if then:
            await reader.readuntil(then)

    return answer


@pytest.fixture(scope="module")
def nobody(tmp_path_factory: pytest.TempPathFactory) -> ClientTrust:
    return ClientTrust()


OK = b"250 ok\r\n"
GO = (b"220 mx\r\n", b"250-mx\r\n250 SIZE\r\n", OK, OK, b"354 go\r\n")


@pytest.mark.parametrize("stage", range(6))
def test_a_server_that_closes_at_every_stage(loop: str, nobody: ClientTrust, stage: int) -> None:
    found = attempt(loop, nobody, says(*GO[:stage]))
    fates = {one.fate for outcome in found.outcomes for one in outcome.recipients}
    assert fates == {Fate.DEFERRED}
    assert found.report.problem is not None


@pytest.mark.parametrize("stage", range(6))
def test_a_server_that_falls_silent_at_every_stage(
    loop: str, nobody: ClientTrust, stage: int
) -> None:
    found = attempt(loop, nobody, says(*GO[:stage], then=b"never"))
    fates = {one.fate for outcome in found.outcomes for one in outcome.recipients}
    assert fates == {Fate.DEFERRED}
    assert "in time" in problem(found).text


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """4 GiB of greeting, if anybody wanted them."""
    for _ in range(65_536):
        writer.write(b"220-" + b"x" * 65_532)
        await writer.drain()
    raise AssertionError("somebody read it all")


async def endless_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(65_536):
        writer.write(b"220-x\r\n" * 9_000)
        await writer.drain()
    raise AssertionError("somebody read it all")


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An octet now and then is no progress."""
    writer.write(b"220")
    while True:
        await asyncio.sleep(0.02)
        writer.write(b"-")
        await writer.drain()


@pytest.mark.parametrize("answer", [endless, endless_lines, trickle])
def test_a_greeting_without_end(loop: str, nobody: ClientTrust, answer: Answer) -> None:
    found = attempt(loop, nobody, answer)
    assert problem(found).stage is Stage.GREETING
    assert found.outcomes[0].recipients[0].fate is Fate.DEFERRED


@pytest.mark.parametrize(
    "replies",
    [
        (b"220 go\r\n250-AUTH PLAIN\r\n250 ok\r\n",),
        (b"220 go\r\n", b"\x16\x03\x03\0\5hello"),
        (b"250 ok\r\n",),
        (b"220 go\r\n",),
    ],
    ids=["injection", "garbage", "wrong-code", "then-nothing"],
)
def test_starttls_attacked(loop: str, nobody: ClientTrust, replies: tuple[bytes, ...]) -> None:
    """T-NS2 and T-NS3: not a word of mail in the clear, whatever was demanded."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(b"220 mx\r\n", EHLO, *replies)(reader, writer)
        heard.append(await reader.read(10_000))

    for demand in (MAY, VERIFY):
        found = attempt(loop, nobody, answer, demand)
        assert problem(found).stage is Stage.STARTTLS
        assert failure(found) is Failure.VALIDATION
        assert found.report.may_go_clear is (demand is MAY)
        assert found.outcomes[0].recipients[0].fate is Fate.DEFERRED
    assert b"MAIL" not in b"".join(heard)


@pytest.mark.parametrize("refusal", [None, b"454 not now\r\n", b"502 what\r\n"])
def test_starttls_stripped(loop: str, nobody: ClientTrust, refusal: bytes | None) -> None:
    """Demanded TLS ends it; otherwise mail goes in the clear and the report says so."""
    replies = [b"220 mx\r\n", b"250 mx\r\n"] if refusal is None else [b"220 mx\r\n", EHLO, refusal]
    for level in (TlsLevel.ENCRYPT, TlsLevel.VERIFY):
        found = attempt(loop, nobody, says(*replies, b"221 bye\r\n"), replace(MAY, level=level))
        assert failure(found) is Failure.STARTTLS_NOT_SUPPORTED
        assert problem(found).status == "4.7.10"
        assert found.outcomes[0].recipients[0].fate is Fate.DEFERRED
    found = attempt(loop, nobody, says(*replies, b"550 5.7.1 no\r\n", b"421 bye\r\n"), MAY)
    assert failure(found) is Failure.STARTTLS_NOT_SUPPORTED
    assert found.outcomes[0].recipients[0].verdict.code in (550, 421)


def test_who_gives_up_while_it_opens_leaves_nothing_open(loop: str, nobody: ClientTrust) -> None:
    async def work() -> bytes:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        met = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            met.set()
            try:
                heard.set_result(await reader.read())
            except ConnectionError:
                heard.set_result(b"")

        async with hostile(silent) as route:
            opening = asyncio.create_task(
                connect(route, "client.test", MAY, nobody, permits=anywhere)
            )
            await met.wait()
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            return await heard

    assert run_on(loop, work) == b""


def test_a_refusal_before_the_message_ends_is_heard(loop: str, nobody: ClientTrust) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(*GO)(reader, writer)
        await reader.readuntil(b"\r\n.\r\n")
        await says(b"250 ok\r\n", OK, OK, b"354 go\r\n")(reader, writer)
        await reader.readexactly(100_000)
        writer.write(b"552 5.3.4 too much\r\n")
        await writer.drain()
        await reader.read()

    one, two = attempt(loop, nobody, answer).outcomes
    assert one.recipients[0].fate is Fate.DELIVERED
    assert two.recipients[0].verdict.status == "5.3.4"
    assert two.recipients[0].fate is Fate.REFUSED


@pytest.mark.rfc("9422", "4")
def test_a_connection_is_spent_after_the_messages_that_the_server_takes(
    loop: str, nobody: ClientTrust
) -> None:
    async def work() -> bool:
        limited = says(b"220 mx\r\n", b"250-mx\r\n250 LIMITS MAILMAX=1\r\n", b"550 no\r\n", OK)
        async with hostile(limited) as route:
            made = await connect(route, "client.test", NONE, nobody, permits=anywhere)
            assert made.is_open
            await made.send(to_ada(), HeldBody(b"x"))
            open_still = made.is_open
            await made.close()
            return open_still

    assert run_on(loop, work) is False


def test_where_nobody_listens_and_where_mail_must_not_go(loop: str, nobody: ClientTrust) -> None:
    async def work() -> list[OutboundConnection]:
        async with hostile(says(b"220 mx\r\n")) as route:
            closed = route
        return [
            await connect(closed, "client.test", MAY, nobody, permits=anywhere, patience=QUICK),
            await connect(closed, "client.test", MAY, nobody, permits=is_public),
        ]

    for made in run_on(loop, work):
        assert made.report.problem.stage is Stage.CONNECT
        assert not made.is_open


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("169.254.169.254", False), ("::1", False), ("fe80::1", False), ("fd00::1", False),
        ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True), ("224.0.0.1", False),
        ("ff02::1", False), ("0.0.0.0", False), ("::", False), ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True), ("2002:7f00:1::", False), ("100.64.0.1", False),
        ("fec0::1", False), ("::7f00:1", False), ("4000::1", False),
    ],
)  # fmt: skip
def test_addresses_of_the_open_internet(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_limits_follow_the_standard() -> None:
    """RFC 5321 §4.5.3.2: at least so many minutes."""
    patience = Patience()
    assert patience.for_reply(Stage.GREETING) >= 300
    assert patience.for_reply(Stage.MAIL) >= 300
    assert patience.for_reply(Stage.RCPT) >= 300
    assert patience.for_reply(Stage.DATA) >= 120
    assert patience.block >= 180
    assert patience.for_reply(Stage.MESSAGE) >= 600


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # the ClientHello, until the client drops the connection


def test_implicit_tls_with_a_server_that_says_nothing(loop: str, nobody: ClientTrust) -> None:
    """Time is up before the handshake's own timer, and the socket goes at once."""

    async def work() -> OutboundConnection:
        async with hostile(silent) as route:
            implicit = replace(route, tls=TlsMode.IMPLICIT)
            patience = replace(QUICK, connect=0.2)
            return await connect(
                implicit, "client.test", MAY, nobody, permits=anywhere, patience=patience
            )

    report = run_on(loop, work).report
    assert report.problem.stage is Stage.CONNECT
    assert report.tls is None


def test_a_connection_is_closed_when_its_owner_is_cancelled(
    loop: str, mail: MailServer, trust: ClientTrust
) -> None:
    async def work() -> None:
        route = Route("127.0.0.1", mail.port("smtp", "starttls"))
        made = await connect(route, "client.test", MAY, trust, permits=anywhere)

        class Slow(HeldBody):
            def read(self, start: int, octets: int) -> bytes:
                if start:
                    task.cancel()
                return super().read(start, octets)

        task = asyncio.create_task(deliver(made, [(to_ada(), Slow(MESSAGES[2]))]))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not made.is_open

    run_on(loop, work)
    assert mail.octets(ADA) == []
