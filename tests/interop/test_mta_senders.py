"""Postfix, Exim and OpenSMTPD send to us: every octet arrives, and a no is understood."""

import os
import smtplib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.testing import MailServer
from tests.certificates import make
from tests.interop.mtas import NAMES, PROGRAMS, WAIT_SECONDS, Mta, Pki, running

pytestmark = [
    pytest.mark.interop(*(Path(program).name for program in PROGRAMS.values())),
    pytest.mark.skipif(os.geteuid() != 0, reason="they run as root's children"),
    pytest.mark.slow,
]

ADA, GRACE = "ada@example.test", "grace@example.test"
BODY = b"".join(
    [
        b".dots\r\n..\r\n\r\n.\r\n"[:-3] + b"..x\r\n",
        "naïve café\r\n".encode(),
        b"long " + b"x" * 900 + b"\r\n",
        b"last line\r\n",
    ]
)


@pytest.fixture(scope="module", params=NAMES)
def neighbour(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Mta, MailServer]]:
    with MailServer() as ours:
        ours.add_account(ADA)
        ours.add_account(GRACE)
        directory = tmp_path_factory.mktemp(request.param)
        pki = Pki.made(directory, "mx.peer.test", make("a test's CA", authority=True))
        with running(request.param, pki, ours.port("smtp", "starttls")) as mta:
            yield mta, ours


def arrived(ours: MailServer, address: str, subject: bytes) -> bytes:
    """The message with this subject, once it has come."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        for octets in ours.octets(address):
            if b"Subject: " + subject + b"\r\n" in octets:
                return octets
        time.sleep(0.05)
    raise AssertionError(f"{subject!r} has not come")


def test_their_mail_arrives_octet_for_octet(neighbour: tuple[Mta, MailServer]) -> None:
    mta, ours = neighbour
    head = b"From: bob@peer.test\r\nDate: Tue, 24 Nov 2026 08:00:00 +0000\r\n"
    head += b"Message-ID: <1@peer.test>\r\nSubject: octets\r\n\r\n"
    with smtplib.SMTP("127.0.0.1", mta.port) as client:
        client.sendmail("bob@peer.test", [ADA, GRACE], head + BODY, ["BODY=8BITMIME"])
    for address in (ADA, GRACE):
        octets = arrived(ours, address, b"octets")
        assert octets.endswith(b"\r\n\r\n" + BODY), mta.told()
        assert b"\r\n\ttls TLS_AES_" in octets, "over TLS"


def test_who_is_not_here_is_bounced_by_them(neighbour: tuple[Mta, MailServer]) -> None:
    """Their failure notice goes to its sender, who has a mailbox there."""
    mta, _ = neighbour
    with smtplib.SMTP("127.0.0.1", mta.port) as client:
        client.sendmail("bob@peer.test", ["nobody@example.test"], b"Subject: x\r\n\r\nx\r\n")
    (bounce,) = mta.messages(1)
    assert b"550" in bounce
    assert b"5.1.1" in bounce
