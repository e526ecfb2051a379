"""Handshakes of the probe, without a network: limits of what a server may show."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from OpenSSL import SSL

from mailclad.mail.endpoint import MailProtocol
from mailclad.mail.tls_verdict import ChainFault
from mailclad.servers import tls_probe
from mailclad.servers.tls_failure import CertificateUnusable
from mailclad.servers.tls_probe import Attempt, ProbeTrust
from mailclad.services.diagnose.facts import Way
from mailclad.testing.zoo.certificates import CertificateZoo, make_zoo
from mailclad.testing.zoo.terms import Terms


@pytest.fixture(scope="module")
def zoo() -> CertificateZoo:
    return make_zoo(datetime.now(UTC))


def sending(zoo: CertificateZoo, copies: int) -> CertificateZoo:
    """A zoo whose healthy server sends its intermediate many times."""
    ok = zoo.certificates["ok"]
    many = replace(ok, chain=ok.chain[:1] + ok.chain[1:] * copies)
    return replace(zoo, certificates={"ok": many})


def shake(attempt: Attempt, zoo: CertificateZoo, piece: int = 65536) -> None:
    server = SSL.Connection(Terms().context(zoo, named=True))
    server.set_accept_state()
    server.bio_write(attempt.begin())
    for _ in range(3):
        with contextlib.suppress(SSL.WantReadError):
            server.do_handshake()
        octets = b""
        with contextlib.suppress(SSL.WantReadError):
            while True:
                octets += server.bio_read(65536)
        for at in range(0, len(octets), piece):
            if not attempt.is_over and (answer := attempt.take(octets[at : at + piece])):
                server.bio_write(answer)


def attempt() -> Attempt:
    return ProbeTrust().begin(Way.MODERN, MailProtocol.IMAP, "mail.test")


def test_of_a_long_chain_twenty_certificates_are_kept(zoo: CertificateZoo) -> None:
    trying = attempt()
    shake(trying, sending(zoo, 40))
    assert trying.seen.done
    assert len(trying.seen.chain) == tls_probe.CHAIN_CERTIFICATES


def test_of_a_heavy_chain_what_fits_is_kept(
    zoo: CertificateZoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_probe, "CHAIN_OCTETS", 1000)
    trying = attempt()
    shake(trying, sending(zoo, 10))
    assert 0 < sum(map(len, trying.seen.chain)) <= 1000


def test_a_leaf_that_is_too_heavy_leaves_no_chain_and_no_harm() -> None:
    assert ProbeTrust().verify(()) == ProbeTrust().verify_strictly(()) == (ChainFault(1, 0),)


def test_a_flight_without_an_end_is_given_up(
    zoo: CertificateZoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_probe, "HANDSHAKE_OCTETS", 2000)
    trying = attempt()
    shake(trying, sending(zoo, 40), piece=500)
    assert not trying.seen.done
    assert trying.seen.reason == "the server's handshake does not end"


def test_authorities_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    with pytest.raises(CertificateUnusable):
        ProbeTrust(tmp_path / "nothing.pem")


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("mail.test", "mail.test"),
        ("Mail.Test.", "mail.test"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
        ("", None),
    ],
)
def test_an_ip_address_is_no_server_name(name: str, sent: str | None) -> None:
    trying = ProbeTrust().begin(Way.OPEN, MailProtocol.IMAP, name)
    trying.begin()
    trying.give_up("enough")
    assert trying.seen.server_name == sent


def _given_up(trying: Attempt) -> None:
    trying.give_up("enough", silent=True)


def _interrupted(trying: Attempt) -> None:
    trying.take(b"220 mx.test ESMTP\r\n")


@pytest.mark.parametrize(
    ("what", "silent", "octets"),
    [(_given_up, True, b""), (_interrupted, False, b"220 mx.test ESMTP\r\n")],
)
def test_words_in_the_place_of_tls_are_kept(
    what: Callable[[Attempt], None], silent: bool, octets: bytes
) -> None:
    trying = attempt()
    trying.begin()
    what(trying)
    assert not trying.seen.done
    assert (trying.seen.silent, trying.seen.first_octets) == (silent, octets)
