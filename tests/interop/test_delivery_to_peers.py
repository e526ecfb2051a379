"""Our whole server sends to Postfix, Exim and OpenSMTPD, from a submission to what comes back.

Everything is at public addresses (``island``).  What has nothing to do with TLS: octets, bounces,
notices, many recipients and messages, a peer that says "later", and one that is killed.
"""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mailclad.app.settings.deliver import RouteConfig
from tests.certificates import make
from tests.dns.signed import Zone, signed_internet
from tests.interop.island import island, needs_root
from tests.interop.mtas import NAMES, PROGRAMS, Mta, Pki, Place, running
from tests.interop.neighbours import ANN, HERE, OUR_ADDRESS, OUTCOMES, Station, until

pytestmark = [
    pytest.mark.interop(
        *(Path(program).name for program in PROGRAMS.values()),
        "nsd",
        "ldns-signzone",
        "unbound",
        "ip",
    ),
    pytest.mark.xdist_group("delivery to peers"),
    pytest.mark.slow,
    needs_root,
]

ADDRESSES = {"postfix": "45.0.4.1", "exim": "45.0.4.2", "opensmtpd": "45.0.4.3"}
ONE_AT_A_TIME = "single.test"
BODY = b".dots\r\n..\r\n\r\n" + "naïve café\r\n".encode() + b"x" * 900 + b"\r\nlast\r\n"
BIG = 25_000_000


@dataclass(frozen=True)
class Scene:
    ours: Station
    peers: dict[str, Mta]
    keys: dict[str, str]


def letter(subject: str, body: bytes = b"hello\r\n") -> bytes:
    return f"From: {ANN}\r\nSubject: {subject}\r\n\r\n".encode() + body


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("peers")
    authority = make("a test's CA", authority=True)
    (directory / "ca.pem").write_bytes(authority.pem)
    records = ["here MX 10 mail.here", f"mail.here A {OUR_ADDRESS}", "single MX 10 mx.postfix"]
    key = rsa.generate_private_key(65537, 2048)  # OpenSMTPD 6.8 signs with nothing else
    leaf = make("mx", [f"mx.{name}.test" for name in NAMES], authority, key=key)
    pki = Pki.written(directory, "mx", leaf)
    for name, address in ADDRESSES.items():
        records += [f"{name} MX 10 mx.{name}", f"mx.{name} A {address}"]
        records += [f"_25._tcp.mx.{name} TLSA 3 1 1 {leaf.key_digest}"]
    with ExitStack() as stack:
        stack.enter_context(island())
        stack.enter_context(pytest.MonkeyPatch.context()).setenv(
            "SSL_CERT_FILE", str(directory / "ca.pem")
        )
        internet = stack.enter_context(signed_internet(directory, [Zone("test", records)]))
        peers = {}
        for name, address in ADDRESSES.items():
            domains = [f"{name}.test", *([ONE_AT_A_TIME] if name == "postfix" else [])]
            place = Place(address, 25, domains, OUR_ADDRESS)
            peers[name] = stack.enter_context(running(name, pki, 25, place))
        routes = [RouteConfig(domain=ONE_AT_A_TIME, connections=1)]
        ours = stack.enter_context(Station(HERE, OUR_ADDRESS, internet, routes=routes))
        ours.add_account(ANN)
        yield Scene(ours, peers, ours.make_keys("here.test"))


def arrived(scene: Scene, name: str, subject: str, count: int = 1) -> list[bytes]:
    """The messages with this subject; what a busy machine put off is tried again."""
    mta, line = scene.peers[name], f"\nSubject: {subject}\n".encode()
    nudges = iter(range(5, 60, 5))
    began, nudge = time.monotonic(), next(nudges)

    def look() -> list[bytes]:
        nonlocal nudge
        if time.monotonic() - began > nudge:
            nudge = next(nudges)
            scene.ours.try_again(f"{name}.test")
        found = [octets for octets in mta.messages(0) if line in octets]
        return found if len(found) >= count else []

    return until(look, f"{subject} at {name}:\n{mta.told()}")


def notice(ours: Station, words: str) -> EmailMessage:
    """The one that Ann has with these words in it; OpenSMTPD's are no multipart/report."""

    def look() -> list[EmailMessage]:
        return [
            one
            for one in ours.messages(ANN)
            if "\nFinal-Recipient: " in (text := one.as_string()) and words in text
        ]

    return until(look, f"a notice with {words}")[0]


@pytest.mark.parametrize("name", NAMES)
def test_octets_arrive_signed(name: str, scene: Scene) -> None:
    """Through submission, queue and SMTP with DANE; dkimpy finds both signatures good."""
    scene.ours.submit(f"bob@{name}.test", octets=letter("octets", BODY), options=["BODY=8BITMIME"])
    (octets,) = arrived(scene, name, "octets")
    # Encoded before it was signed: what its reader sees is what was sent.
    assert message_from_bytes(octets).get_payload(decode=True) == BODY.replace(b"\r\n", b"\n")

    def txt(name: bytes, timeout: int = 5) -> str | None:
        return scene.keys.get(name.decode().rstrip("."))

    (attempt,) = scene.ours.attempts(scene.ours.outcome(f"bob@{name}.test"))
    assert "(DANE)" in attempt.verified
    verifier = dkim.DKIM(octets[octets.index(b"DKIM-Signature:") :])
    assert [verifier.verify(at, dnsfunc=txt) for at in (0, 1)] == [True, True]


@pytest.mark.parametrize("name", NAMES)
def test_a_no_becomes_a_readable_notice(name: str, scene: Scene) -> None:
    nobody = f"nobody@{name}.test"
    scene.ours.submit(nobody, octets=letter("for nobody"))
    told = notice(scene.ours, nobody)
    assert OUTCOMES[scene.ours.outcome(nobody).happening] == "failed"
    text, report, _ = told.iter_parts()
    assert isinstance(text, EmailMessage)
    assert nobody in text.get_content()
    fields = report.as_string()
    assert "\nAction: failed\n" in fields
    assert "\nStatus: 5." in fields
    assert "\nDiagnostic-Code: smtp; 550" in fields
    assert f"\nRemote-MTA: dns; mx.{name}.test\n" in fields


def test_a_success_notice_is_theirs_to_send_if_they_can(scene: Scene) -> None:
    """Postfix and OpenSMTPD write it when the mail lies in the mailbox; for Exim we do."""
    expected = {"postfix": "delivered", "opensmtpd": "delivered", "exim": "relayed"}
    for name in expected:
        scene.ours.submit(f"asked@{name}.test", octets=letter("asked"), notify="SUCCESS")
    found = {name: notice(scene.ours, f"asked@{name}.test").as_string() for name in expected}
    actions = {name: re.search(r"(?m)^Action: (\S+)", text) for name, text in found.items()}
    assert {name: hit and hit[1] for name, hit in actions.items()} == expected


def test_utf8_goes_where_it_is_taken(scene: Scene) -> None:
    """SMTPUTF8 (RFC 6531): OpenSMTPD gets nothing that it cannot read."""
    for name in NAMES:
        options = ["SMTPUTF8", "BODY=8BITMIME"]
        scene.ours.submit(f"bøb@{name}.test", octets=letter("grüße"), options=options)
    for name in ("postfix", "exim"):
        arrived(scene, name, "grüße")
    told = notice(scene.ours, "Status: 5.6.7").as_string()
    assert "@opensmtpd.test" in told


def test_many_recipients(scene: Scene) -> None:
    """More than one transaction takes."""
    people = [f"p{number}@postfix.test" for number in range(150)]
    scene.ours.submit(*people, octets=letter("many"))
    assert len(arrived(scene, "postfix", "many", len(people))) == len(people)


def test_a_big_message(scene: Scene) -> None:
    body = (b"x" * 998 + b"\r\n") * (BIG // 1000)
    scene.ours.submit("big@exim.test", octets=letter("big", body))
    (octets,) = arrived(scene, "exim", "big")
    assert octets.endswith(body.replace(b"\r\n", b"\n"))


def test_many_messages_share_a_connection(scene: Scene) -> None:
    before = scene.peers["postfix"].log.read_text()
    for number in range(8):
        scene.ours.submit(f"bob@{ONE_AT_A_TIME}", octets=letter(f"shared {number}"))
    for number in range(8):
        arrived(scene, "postfix", f"shared {number}")
    log = scene.peers["postfix"].log.read_text().removeprefix(before)
    assert log.count(f": connect from unknown[{OUR_ADDRESS}]") == 1


def test_later_is_tried_later(scene: Scene) -> None:
    exim = scene.peers["exim"]
    scene.ours.submit("later@exim.test", octets=letter("later"))
    event = scene.ours.outcome("later@exim.test")
    assert OUTCOMES[event.happening] == "deferred"
    assert "Greylisted" in event.text
    (exim.log.parent / "open").touch()
    scene.ours.try_again("exim.test")
    arrived(scene, "exim", "later")


def test_a_peer_that_dies_in_the_middle(scene: Scene) -> None:
    """Killed while it takes a big message: everything arrives, once or twice."""
    postfix = scene.peers["postfix"]
    subjects = ["dies 0", "dies 1", "dies 2", "dies big"]
    for subject in subjects[:3]:
        scene.ours.submit("dies@postfix.test", octets=letter(subject))
    body = (b"x" * 998 + b"\r\n") * (BIG // 1000)
    scene.ours.submit("dies@postfix.test", octets=letter(subjects[3], body))
    until(lambda: half_taken(postfix), "a message that Postfix is taking")
    postfix.restart()
    until(
        lambda: any(
            OUTCOMES[one.happening] == "deferred" for one in scene.ours.told("dies@postfix.test")
        ),
        "a delivery that broke",
    )
    scene.ours.try_again("postfix.test")
    for subject in subjects:
        assert len(arrived(scene, "postfix", subject)) in (1, 2)
    assert scene.ours.waiting("postfix.test") == 0


def half_taken(postfix: Mta) -> bool:
    with suppress(FileNotFoundError):
        return any(
            1_000_000 < file.stat().st_size < BIG // 2
            for file in (postfix.log.parent / "spool/incoming").rglob("*")
        )
    return False
