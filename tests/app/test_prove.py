"""Every port of a server, of every kind, is asked what it shows; strangers' rules do not apply."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mailclad.app.build import App, build, prepare
from mailclad.app.config import Config
from mailclad.app.settings.listen import MODES, ListenConfig
from mailclad.app.settings.receive import ReceiveConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.sockets import open_sockets
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.expected_chains import Expected, look_inside
from mailclad.servers.loopback import MOST_HANDSHAKES, Door, Proof, doors, prove, questions
from mailclad.servers.own_checks import OwnChecks
from mailclad.servers.tls import ClientTrust, ContextTable
from mailclad.services.auth.password import Argon2id
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.files import load_pair
from tests.services.certificates import pki

ROOT = pki.issue("root", ca=True)
MIDDLE = pki.issue("middle", ROOT, ca=True)
NAMES = ("mail.example.org", "*.example.net")
ADDRESSES = ("127.0.0.1", "127.0.0.5", "::1")


def certificate(folder: Path, *names: str, rsa: bool = False) -> CertificateChain:
    key = pki.rsa_key() if rsa else None
    leaf = pki.issue("leaf", MIDDLE, hosts=names or NAMES, key=key)
    return load_pair(*leaf.store(folder, "pair", MIDDLE)).chain


@dataclass
class Running:
    app: App
    contexts: ContextTable
    chains: tuple[CertificateChain, ...]


def on_every_port(
    folder: Path,
    chains: tuple[CertificateChain, ...],
    scenario: Callable[[Running], Awaitable[None]],
    *,
    proxied: bool = False,
) -> None:
    """Run it beside a server with all ports on three addresses."""
    config = Config(
        server=ServerConfig(hostname="mail.example.org", data=folder / "data"),
        # strangers wait for a greeting longer than any proof; everybody is one here
        receive=ReceiveConfig(own_networks=(), greet_delay=30.0),
        listen=tuple(
            ListenConfig(
                service=service,
                tls=mode,
                port=0,
                addresses=ADDRESSES,
                proxy_from=("127.0.0.0/8", "::1/128") if proxied else (),
            )
            for service, modes in MODES.items()
            for mode in modes
        ),
    )
    (folder / "data").mkdir()

    async def run() -> None:
        bound = open_sockets(config.listen, {})
        shared = prepare(config, bound, chains)
        assert shared.contexts is not None
        app = await build(shared, lambda *_: None, Argon2id(memory_kib=8, passes=1))
        await app.start()
        try:
            await scenario(Running(app, shared.contexts, chains))
        finally:
            await app.drain(1)
            await app.close()
            shared.throttle.close()

    asyncio.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("proxied", [False, True])
def test_every_port_on_every_address_is_proven(tmp_path: Path, proxied: bool) -> None:
    async def scenario(running: Running) -> None:
        proof = await running.app.prove(Expected.of(running.chains))
        assert proof.refuted == ""
        assert proof.unproven == ()
        encrypted = sum(mode is not TlsMode.NONE for modes in MODES.values() for mode in modes)
        assert len(proof.proven) == encrypted * len(ADDRESSES)

    on_every_port(tmp_path, (certificate(tmp_path),), scenario, proxied=proxied)


@pytest.mark.slow
def test_another_certificate_on_the_ports_refutes(tmp_path: Path) -> None:
    async def scenario(running: Running) -> None:
        proof = await running.app.prove(Expected.of([certificate(tmp_path)]))
        assert "shows another certificate" in proof.refuted

    on_every_port(tmp_path, (certificate(tmp_path),), scenario)


@pytest.mark.slow
def test_a_name_that_gets_another_certificate_refutes(tmp_path: Path) -> None:
    first, second = certificate(tmp_path, "mail.example.org"), certificate(tmp_path, "b.test")

    async def scenario(running: Running) -> None:
        running.contexts.swap([first])
        proof = await running.app.prove(Expected.of([first, second]))
        assert "asked for b.test, shows another certificate" in proof.refuted

    on_every_port(tmp_path, (first, second), scenario)


@pytest.mark.slow
def test_a_chain_that_was_cut_refutes(tmp_path: Path) -> None:
    whole = certificate(tmp_path)
    end = b"-----END CERTIFICATE-----\n"
    cut = whole.chain_pem[: whole.chain_pem.index(end) + len(end)]

    async def scenario(running: Running) -> None:
        proof = await running.app.prove(Expected.of([whole]))
        assert "shows another certificate" in proof.refuted

    on_every_port(tmp_path, (replace(whole, chain_pem=cut),), scenario)


def ask(where: list[Door], chain: CertificateChain) -> Proof:
    return asyncio.run(prove(where, Expected.of([chain]), ClientTrust(), OwnChecks()))


def test_a_port_that_is_closed_or_silent_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.servers.loopback.ASK_SECONDS", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_server(("127.0.0.1", 0)) as closed,
    ):
        ports = silent.getsockname()[1], closed.getsockname()[1]
        closed.close()
        proof = ask(
            [Door(Service.IMAP, TlsMode.IMPLICIT, "127.0.0.1", port) for port in ports],
            certificate(tmp_path),
        )
    assert proof.refuted == ""
    assert proof.proven == ()
    first, second = proof.unproven
    assert first.endswith("no answer in time")
    assert "refused" in second


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"* OK hello\r\np1 OK so\r\np1 BAD what?\r\n", "it answers “p1 BAD what?”"),
        (b"* BYE too many\r\n", "it answers “* BYE too many”"),
        (b"x" * 10_000, "a line that does not end"),
        (b"", "it closed the connection"),
    ],
)
def test_a_port_that_does_not_begin_tls_proves_nothing(
    tmp_path: Path, says: bytes, reason: str
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in says.splitlines(keepends=True):
            writer.write(line)
            await reader.read(100)
        writer.close()

    async def scenario() -> Proof:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        door = Door(Service.IMAP, TlsMode.STARTTLS, "127.0.0.1", port)
        async with server:
            return await prove([door], Expected.of([chain]), ClientTrust(), OwnChecks())

    chain = certificate(tmp_path)
    (unproven,) = asyncio.run(scenario()).unproven
    assert unproven.endswith(reason)


def test_of_very_many_names_each_is_asked_for_somewhere(tmp_path: Path) -> None:
    names = [f"n{number}.test" for number in range(MOST_HANDSHAKES)]
    where = [
        Door(Service.IMAP, TlsMode.IMPLICIT, "127.0.0.1", 993),
        Door(Service.IMAP, TlsMode.STARTTLS, "127.0.0.1", 143),
        Door(Service.SMTP, TlsMode.STARTTLS, "127.0.0.1", 25),
    ]
    asked = list(questions(where, names))
    assert len(asked) == 2 * len(names) + len(where)
    for service in (Service.IMAP, Service.SMTP):
        assert {n for door, n in asked if door.service is service} == {None, *names}


def test_wildcard_addresses_are_reached_over_loopback() -> None:
    with socket.create_server(("0.0.0.0", 0)) as sock:
        (door,) = doors(Service.IMAP, TlsMode.IMPLICIT, [sock])
        assert door.address == "127.0.0.1"
        assert str(door) == f"imap {sock.getsockname()[1]} at 127.0.0.1"
        assert list(doors(Service.LMTP, TlsMode.NONE, [sock])) == []


@pytest.mark.slow
def test_a_worker_says_why_it_cannot_serve_and_serves_what_it_had(tmp_path: Path) -> None:
    served = certificate(tmp_path)
    spoilt = replace(certificate(tmp_path), key_pem=served.key_pem)

    async def scenario(running: Running) -> None:
        assert "TLS cannot use it" in running.app.swap((spoilt,))
        assert (await running.app.prove(Expected.of([served]))).refuted == ""
        assert running.app.swap((certificate(tmp_path, "b.test"),)) == ""

    on_every_port(tmp_path, (served,), scenario)


@pytest.mark.slow
def test_a_worker_whose_contexts_did_not_change_finds_it_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(running: Running) -> None:
        monkeypatch.setattr(ContextTable, "swap", lambda *_: None)
        assert "shows another certificate" in running.app.swap((certificate(tmp_path),))

    on_every_port(tmp_path, (certificate(tmp_path),), scenario)


def test_contexts_are_asked_in_memory_too(tmp_path: Path) -> None:
    ec, rsa = certificate(tmp_path), certificate(tmp_path, rsa=True)
    table = ContextTable([ec, rsa])
    assert look_inside(table, ClientTrust(), Expected.of([ec, rsa])) == ""
    rsa_alone = replace(rsa, names=("c.test",))
    assert "shows another" in look_inside(table, ClientTrust(), Expected.of([ec, rsa_alone]))
    ec_alone = ContextTable([ec])
    assert "breaks the handshake off" in look_inside(
        ec_alone, ClientTrust(), Expected.of([ec, rsa])
    )
    other = certificate(tmp_path, "b.test")
    assert "shows another certificate" in look_inside(table, ClientTrust(), Expected.of([other]))


def test_only_noted_ports_of_this_machine_are_own_checks() -> None:
    class Ends(asyncio.Transport):
        def __init__(self, peer: object, own: object) -> None:
            super().__init__({"peername": peer, "sockname": own})

    checks = OwnChecks()
    here = Ends(("192.0.2.1", 50_001), ("192.0.2.1", 993))
    assert not checks.has(here)
    with checks.noted(50_001):
        assert checks.has(here)
        assert not checks.has(Ends(("192.0.2.9", 50_001), ("192.0.2.1", 993)))
        assert not checks.has(Ends(("192.0.2.1", 50_002), ("192.0.2.1", 993)))
        assert not checks.has(Ends("", "/run/lmtp"))
    assert not checks.has(here)
    with checks.noted(7):
        checks.forget()
        assert not checks.has(Ends(("::1", 7, 0, 0), ("::1", 993, 0, 0)))
    checks.close()
