"""Looking at strangers: how often, how long, what is said, and who is left alone."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.servers import probe
from mailclad.servers.probe import CONNECTIONS, Prober, Step
from mailclad.servers.probe_visit import Patience
from mailclad.servers.tls_probe import ProbeTrust
from mailclad.services.diagnose.facts import Reach, Spoken, Way
from mailclad.testing.zoo import Zoo
from tests.dns.fake import FakeResolver
from tests.servers.probing import HOST, SHORT, looked_at, prober

IMAP, SUBMISSION = MailProtocol.IMAP, MailProtocol.SUBMISSION
IMPLICIT, STARTTLS = TlsMode.IMPLICIT, TlsMode.STARTTLS


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with Zoo() as zoo:
        yield zoo


@pytest.fixture(scope="module")
def trust(zoo: Zoo) -> ProbeTrust:
    return ProbeTrust(zoo.ca)


# --- how often ---


def test_a_host_gets_no_more_connections_than_promised(
    zoo: Zoo, trust: ProbeTrust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "CONNECTIONS", 14)
    steps: list[Step] = []
    endpoints = [one.endpoint for one in zoo.healthy]
    seen = asyncio.run(prober(trust).look_at(HOST, endpoints, on_step=steps.append))
    assert len(steps) == 14
    assert steps[-1].done == steps[-1].total == 14
    assert len(seen.ports) == 9


def test_one_machine_with_many_names_gets_no_more(trust: ProbeTrust) -> None:
    total = 0

    async def go() -> None:
        async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal total
            total += 1
            writer.close()

        async with await asyncio.start_server(count, "127.0.0.1", 0) as server:
            at = server.sockets[0].getsockname()[1]
            names = [f"m{number}.test" for number in range(CONNECTIONS)]
            known = {(name, "A"): ("127.0.0.1",) for name in names}
            looking = Prober(FakeResolver(known), trust, patience=SHORT)
            looks = (
                looking.look_at(name, [Endpoint(SUBMISSION, name, at, STARTTLS)] * 2)
                for name in names
            )
            await asyncio.gather(*looks)

    asyncio.run(go())
    assert total == CONNECTIONS


def test_what_cannot_be_reached_from_here_costs_nothing(zoo: Zoo, trust: ProbeTrust) -> None:
    """No IPv6 here: the other address is looked at as if there were no more."""
    endpoints = [zoo["healthy-imap-starttls"].endpoint]
    alone = asyncio.run(prober(trust).look_at(HOST, endpoints))
    looking = prober(trust, "127.0.0.1")
    known = {(HOST, "A"): ("127.0.0.1",), (HOST, "AAAA"): ("2001:db8::1",)}
    looking = replace(looking, resolver=FakeResolver(known))
    both = asyncio.run(looking.look_at(HOST, endpoints))
    there = next(one for one in both.ports if one.address == "127.0.0.1")
    assert len(there.handshakes) == len(alone.ports[0].handshakes)
    left = looking.machines["2001:db8::1"].left
    assert left == CONNECTIONS or both.ports[0].reach is not Reach.UNREACHABLE


def test_some_ports_at_a_time(trust: ProbeTrust) -> None:
    now, most = 0, 0

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await reader.read()
        now -= 1

    looked_at(serve, IMAP, STARTTLS, trust, ports=9, patience=replace(SHORT, visit=0.2))
    assert most == probe.AT_A_TIME


def test_when_time_is_up_nothing_more_begins(
    zoo: Zoo, trust: ProbeTrust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "FURTHER_SECONDS", 0)
    steps: list[Step] = []
    looking = prober(trust).look_at(HOST, [zoo["tls-1.0-only"].endpoint], on_step=steps.append)
    (port,) = asyncio.run(looking).ports
    assert [one.way for one in port.handshakes] == [Way.MODERN]
    assert len(steps) == 1


# --- who is left alone ---


def test_who_turns_us_away_is_left_alone(zoo: Zoo, trust: ProbeTrust) -> None:
    steps: list[Step] = []
    endpoints = [zoo[name].endpoint for name in ("turned-away-554", "healthy-imap-implicit")]
    asyncio.run(prober(trust).look_at(HOST, endpoints, on_step=steps.append))
    assert len(steps) == 2


def test_who_stops_answering_is_left_alone(zoo: Zoo, trust: ProbeTrust) -> None:
    """A ban: the third connection and all that follow are ended without a word."""
    total = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal total
        total += 1
        if total <= 2:
            behind = zoo["healthy-imap-starttls"].port
            there, back = await asyncio.open_connection("127.0.0.1", behind)
            await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while octets := await reader.read(65536):
                writer.write(octets)
        writer.close()

    (port,) = looked_at(serve, IMAP, STARTTLS, trust)
    assert total == 3
    assert port.reach is Reach.OPEN
    assert port.handshake(Way.OLD) is not None
    assert port.obeys_injected is None


def test_who_refuses_is_asked_once(trust: ProbeTrust) -> None:
    steps: list[Step] = []
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = Endpoint(IMAP, HOST, unused.getsockname()[1], IMPLICIT)
        looking = prober(trust).look_at(HOST, [endpoint], on_step=steps.append)
        (port,) = asyncio.run(looking).ports
    assert (port.reach, port.detail) == (Reach.REFUSED, "connection refused")
    assert len(steps) == 1


@pytest.mark.slow
def test_who_greets_late_is_waited_for(trust: ProbeTrust) -> None:
    """What it answers to a ClientHello in clear would otherwise be all that is known of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(SHORT.banner + 0.3)
        writer.write(b"220 mx.test ESMTP\r\n")
        while line := await reader.readline():
            writer.write(b"250-x\r\n250 STARTTLS\r\n" if b"EHLO" in line else b"454 no\r\n")

    (port,) = looked_at(serve, SUBMISSION, STARTTLS, trust)
    assert (port.detail, port.spoken, port.handshakes) == ("", Spoken.SMTP, ())
    assert port.upgrade_reply == "454 no"


# --- what is said ---


def test_only_what_is_harmless_is_said(trust: ProbeTrust) -> None:
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.test ESMTP\r\n")
        while line := await reader.readline():
            told.append(line)
            writer.write(b"250-x\r\n250 STARTTLS\r\n" if b"EHLO" in line else b"454 no\r\n")

    looked_at(serve, SUBMISSION, STARTTLS, trust)
    assert told == [b"EHLO [127.0.0.1]\r\n", b"STARTTLS\r\n", b"QUIT\r\n"]


def test_signed_in_in_clear_is_left_at_once(trust: ProbeTrust) -> None:
    told: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] in\r\n")
        told.append(await reader.read())

    looked_at(serve, IMAP, STARTTLS, trust)
    assert told == [b"p1 LOGOUT\r\n"]


# --- who never answers, and who never ends ---


@contextlib.contextmanager
def dropping(count: int) -> Iterator[list[int]]:
    """Ports that answer no SYN any more: their queue is full."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            listening = stack.enter_context(socket.socket())
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            ports.append(listening.getsockname()[1])
            waiting = stack.enter_context(socket.socket())
            waiting.connect(listening.getsockname())
        yield ports


@pytest.mark.slow
def test_a_host_that_drops_everything_is_told_from_others_in_time(trust: ProbeTrust) -> None:
    with dropping(9) as ports:
        endpoints = [Endpoint(IMAP, HOST, port, IMPLICIT) for port in ports]
        began = time.monotonic()
        looking = prober(trust, patience=Patience()).look_at(HOST, endpoints)
        seen = asyncio.run(looking)
    assert {port.reach for port in seen.ports} == {Reach.SILENT}
    assert {port.detail for port in seen.ports} == {"no answer in 4 seconds"}
    assert time.monotonic() - began < 12


ENDLESS_FLIGHT = b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + bytes(0x4000 - 4)
"""Records of a handshake message that says it has 16 MB."""


@pytest.mark.parametrize(
    ("tls", "octets"),
    [(IMPLICIT, ENDLESS_FLIGHT), (STARTTLS, b"220-" + b"x" * 2000 + b"\r\n")],
)
def test_who_does_not_end_is_cut_off(trust: ProbeTrust, tls: TlsMode, octets: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(octets)
            await writer.drain()

    (port,) = looked_at(serve, SUBMISSION, tls, trust)
    told = [port.detail, *(one.reason for one in port.handshakes)]
    assert any(told)
    assert port.seconds < SHORT.visit
