"""A foreign server's first flights: resumed or not, and which alert they end with."""

import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailclad.protocols.tls.server_flight import is_resumed, plain_alert
from mailclad.services.certificates.private_ca import ensure_private_ca, issue_leaf

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def server(tmp_path: Path) -> ssl.SSLContext:
    now = datetime.now(UTC)
    leaf = issue_leaf(ensure_private_ca(tmp_path, ["test"], now), ["mail.test"], now)
    both = tmp_path / "both.pem"
    both.write_bytes(leaf.chain_pem + leaf.key_pem.reveal())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


def client(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    return context


def talk(
    theirs: ssl.SSLContext, ours: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[bytes, ssl.SSLSession | None]:
    """Return all that the server writes in a handshake, and the client's session."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = ours.wrap_bio(down, up, server_hostname="mail.test", session=session)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    answering = theirs.wrap_bio(incoming, outgoing, server_side=True)
    written = b""
    for _ in range(4):
        for side, source, target in ((asking, up, incoming), (answering, outgoing, down)):
            with contextlib.suppress(ssl.SSLError):
                side.do_handshake()
            moved = source.read()
            written += moved if side is answering else b""
            target.write(moved)
    with contextlib.suppress(ssl.SSLError):
        asking.read(1)
    return written, asking.session if asking.version() is not None else None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_full_handshake_and_its_resumption(
    server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    ours = client(version)
    full, session = talk(server, ours)
    assert not is_resumed(full)
    resumed, _ = talk(server, ours, session)
    assert is_resumed(resumed)


def test_behind_a_retry_the_real_answer_counts(server: ssl.SSLContext) -> None:
    """RFC 8446 §4.1.4: the server wants a group for which the client sent no key."""
    server.set_ecdh_curve("secp384r1")
    ours = client(ssl.TLSVersion.TLSv1_3)
    full, session = talk(server, ours)
    assert full.count(bytes.fromhex("cf21ad74e59a6111")) == 1, "there was a HelloRetryRequest"
    assert not is_resumed(full)
    resumed, _ = talk(server, ours, session)
    assert is_resumed(resumed)


def test_an_alert_in_the_clear_is_found(server: ssl.SSLContext) -> None:
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    written, _ = talk(server, client(ssl.TLSVersion.TLSv1_2))
    assert plain_alert(written) == 70


def test_no_alert_is_seen_where_none_is(server: ssl.SSLContext) -> None:
    written, _ = talk(server, client(ssl.TLSVersion.TLSv1_3))
    assert plain_alert(written) is None
    assert plain_alert(b"") is None


def test_cut_flights_are_no_problem(server: ssl.SSLContext) -> None:
    written, _ = talk(server, client(ssl.TLSVersion.TLSv1_2))
    assert not any(is_resumed(written[:end]) for end in range(60))
