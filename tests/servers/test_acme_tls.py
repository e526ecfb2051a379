"""tls-alpn-01 at our ports: the authority gets the answer, and nobody else ever does."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mailclad.base.tls_policy import ALPN, Service
from mailclad.servers.asked_by_acme import AskedByAcme
from mailclad.servers.http import http_shell
from mailclad.servers.tls import ClientTrust, ContextTable
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.services.certificates.acme.solvers.look_tls_alpn import NotReached, NotSpoken
from mailclad.services.certificates.acme.solvers.tls_alpn_certificate import (
    asked_name,
    make_answer,
    read_answer,
)
from mailclad.services.certificates.chain import CertificateChain
from mailclad.services.certificates.private_ca import PrivateCa
from tests.servers.loopback import (
    Server,
    leaf,
    listening_socket,
    read_to_end,
    run_on,
    tls_client,
)
from tests.servers.memory import careless, leaf_der, shake

NAME = "mail.test"
ADDRESS = "192.0.2.7"
NOW = 1_790_000_000
ANSWERS = {
    asked_name(one): read_answer(make_answer(one, "token.thumb", NOW)) for one in (NAME, ADDRESS)
}
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
ONLY = ("acme-tls/1",)


@pytest.fixture(scope="module")
def served(ca: PrivateCa) -> CertificateChain:
    return leaf(ca, NAME)


@pytest.fixture(scope="module")
def table(served: CertificateChain) -> ContextTable:
    made = ContextTable([served])
    made.answer_challenges(ANSWERS.get)
    return made


def shown(
    table: ContextTable,
    alpn: tuple[str, ...],
    name: str | None,
    service: Service = Service.HTTPS,
    version: ssl.TLSVersion | None = None,
) -> bytes | None:
    return shake(table, careless(version, alpn), service, name).client.getpeercert(True)


@pytest.mark.rfc(8737, "3")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [NAME, asked_name(ADDRESS)])
def test_the_authority_gets_the_answer(
    table: ContextTable, name: str, version: ssl.TLSVersion
) -> None:
    pair = shake(table, careless(version, ONLY), Service.HTTPS, name)
    assert pair.client.getpeercert(True) == leaf_der(ANSWERS[name])
    assert pair.client.selected_alpn_protocol() == "acme-tls/1"
    assert pair.facts.alpn == b"acme-tls/1"


@pytest.mark.parametrize("service", [one for one in ALPN if one is not Service.HTTPS])
def test_other_services_never_give_it(
    table: ContextTable, served: CertificateChain, service: Service
) -> None:
    """T-ALP2: refused where ALPN is spoken, and the usual certificate where it is not."""
    with pytest.raises(HandshakeFailed) as refused:
        shown(table, ONLY, NAME, service)
    assert refused.value.sent_alert == 120
    assert shown(table, (), NAME, service) == leaf_der(served)


@pytest.mark.parametrize("alpn", [(), ("http/1.1",), ("acme-tls/1", "http/1.1")])
def test_who_offers_anything_else_gets_the_usual_certificate(
    table: ContextTable, served: CertificateChain, alpn: tuple[str, ...]
) -> None:
    assert shown(table, alpn, NAME) == leaf_der(served)


@pytest.mark.parametrize("name", ["other.test", None])
def test_a_name_without_a_challenge_is_refused(table: ContextTable, name: str | None) -> None:
    with pytest.raises(HandshakeFailed) as refused:
        shown(table, ONLY, name)
    assert refused.value.sent_alert == 120


async def _page(_: Request) -> Response:
    return PlainTextResponse("a page")


@pytest.mark.rfc(8737, "4")
def test_nothing_is_served_behind_it(loop: str, table: ContextTable) -> None:
    shell = http_shell(Starlette(routes=[Route("/", _page)]))
    with Server(loop, shell, table, service=Service.HTTPS) as server:
        with tls_client(server, careless(alpn=ONLY), NAME) as tls:
            assert read_to_end(tls) == b""
        with tls_client(server, careless(alpn=("http/1.1",)), NAME) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: mail.test\r\nConnection: close\r\n\r\n")
            assert read_to_end(tls).endswith(b"a page")


def test_openssl_as_the_authority(loop: str, table: ContextTable) -> None:
    with Server(loop, http_shell(Starlette()), table, service=Service.HTTPS) as server:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"]
        command += ["-servername", NAME, "-alpn", "acme-tls/1"]
        done = subprocess.run(
            command, input="", capture_output=True, text=True, timeout=20, check=False
        )
    assert "ALPN protocol: acme-tls/1" in done.stdout
    shown_pem = done.stdout[done.stdout.index("-----BEGIN CERTIFICATE") :]
    certificate = x509.load_pem_x509_certificate(shown_pem.encode())
    assert certificate == x509.load_pem_x509_certificate(ANSWERS[NAME].chain_pem)


# The other side: our own look


def asked(
    loop: str, port: int, address: str = "127.0.0.1", name: str = NAME, seconds: float = 10
) -> bytes:
    async def work() -> bytes:
        return await AskedByAcme(ClientTrust(), port, seconds)(address, name)

    shown: bytes = run_on(loop, work)
    return shown


def test_we_ask_as_an_authority_does(loop: str, table: ContextTable) -> None:
    with Server(loop, http_shell(Starlette()), table, service=Service.HTTPS) as server:
        for name in (NAME, asked_name(ADDRESS)):
            assert asked(loop, server.port, name=name) == leaf_der(ANSWERS[name])
        with pytest.raises(NotSpoken, match="no application protocol"):
            asked(loop, server.port, name="other.test")


def test_a_server_that_knows_nothing_of_it_is_told_from_one_that_is_not_there(loop: str) -> None:
    with listening_socket() as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NotReached, match=r"no answer within 0\.2 seconds"):
            asked(loop, port, seconds=0.2)
    with pytest.raises(NotReached, match="refused"):
        asked(loop, port)


def test_a_server_that_ignores_alpn_shows_its_usual_certificate(
    loop: str, ca: PrivateCa, tmp_path: Path
) -> None:
    file = tmp_path / "pair.pem"
    usual = leaf(ca, NAME)
    file.write_bytes(usual.chain_pem + usual.key_pem.reveal())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def work() -> None:
        async def ignore(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(ignore, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(NotSpoken, match="its usual certificate"):
                await AskedByAcme(ClientTrust(), port)("127.0.0.1", NAME)

    run_on(loop, work)
