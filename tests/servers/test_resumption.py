"""Sessions: resumed by every forked worker and after a renewal, never across services or names.

T-RES1 of the list of attacks; RFC 8446 §4.6.1, RFC 5077.
"""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.base.tls_policy import Service
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from tests.servers.loopback import NAME, client_context, leaf, read_exactly
from tests.servers.memory import careless, shake

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def ports(loop: str, ca: PrivateCa) -> Iterator[list[int]]:
    """Two forked workers: their IMAP ports, then their HTTPS ports."""
    program = [sys.executable, "-m", "tests.servers.forked_workers"]
    program += [str(ca.certificate_file.parent), loop]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, text=True
    ) as running:
        assert running.stdout is not None
        yield [int(port) for port in running.stdout.readline().split()]
        assert running.stdin is not None
        running.stdin.close()


class Visit:
    """One connection to a worker: was it resumed, what was shown, and the session to go on."""

    def __init__(
        self, port: int, context: ssl.SSLContext, session: ssl.SSLSession | None, say: bytes
    ) -> None:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as sock,
            context.wrap_socket(sock, server_hostname=NAME, session=session) as tls,
        ):
            tls.sendall(say)
            assert read_exactly(tls, len(say)) == say
            self.resumed = bool(tls.session_reused)
            self.session = tls.session
            self.certificate = tls.getpeercert(binary_form=True)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_forked_workers_share_sessions_also_after_a_renewal(
    ports: list[int], ca: PrivateCa, version: ssl.TLSVersion
) -> None:
    context = client_context(ca, version)
    imap_1, imap_2, https_1, https_2 = ports

    def visit(port: int, session: ssl.SSLSession | None = None, say: bytes = b"hello") -> Visit:
        return Visit(port, context, session, say)

    first = visit(imap_1)
    assert not first.resumed
    assert visit(imap_1, first.session).resumed
    assert visit(imap_2, first.session).resumed, "on the other worker"
    assert not visit(https_1, first.session).resumed, "never for another service"
    assert not visit(https_2, first.session).resumed
    for port in (imap_1, imap_2):
        assert visit(port, first.session, b"swap").resumed
    renewed = visit(imap_2)
    assert renewed.certificate != first.certificate, "the new one is served"
    assert visit(imap_1, first.session).resumed, "an old session lives on"
    assert visit(imap_1, renewed.session).resumed, "and a new one is shared as before"


@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_crosses_services(contexts: ContextTable, version: ssl.TLSVersion) -> None:
    context = careless(version)
    session = shake(contexts, context).client.session
    assert shake(contexts, context, session=session).facts.resumed
    for service in (Service.POP3, Service.SUBMISSION, Service.SMTP, Service.HTTPS):
        pair = shake(contexts, context, service, session=session)
        assert not pair.facts.resumed
        assert not pair.client.session_reused


@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_crosses_names(ca: PrivateCa, version: ssl.TLSVersion) -> None:
    """The client offers it each time; the certificates' names decide."""
    table = ContextTable([leaf(ca, "a.test"), leaf(ca, "b.test")], [Service.IMAP])
    context = careless(version)
    session = shake(table, context, name="a.test").client.session
    assert shake(table, context, name="a.test", session=session).client.session_reused
    assert not shake(table, context, name="b.test", session=session).client.session_reused
    table.swap([leaf(ca, "a.test", "c.test")])
    other = shake(table, context, name="a.test", session=session)
    assert not other.client.session_reused, "another set of names is another host"


@pytest.mark.parametrize("version", VERSIONS)
def test_another_tables_tickets_are_worth_nothing(
    ca: PrivateCa, contexts: ContextTable, version: ssl.TLSVersion
) -> None:
    """Why contexts are made before the workers fork."""
    context = careless(version)
    session = shake(contexts, context).client.session
    later = ContextTable([leaf(ca)], [Service.IMAP])
    assert not shake(later, context, session=session).client.session_reused
