r"""Whole conversations, from files; the way the bytes are cut must not matter.

``# role: mx|submission|lmtp`` and ``# tls`` at the top say which listener it is.  Then lines:
``C:`` the client sends (CRLF added), ``X:`` the same with escapes as in Python and no CRLF added,
``S:`` the server answers, ``T:`` the handshake after STARTTLS, ``K:`` at the end, what was
kept: the accounts (``-``: of nobody here), and the message with escapes; ``Q:`` what was queued
(see ``told``).  ``Z:`` the server has closed.
"""

import ast
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from mailclad.protocols.smtp.conversation import Role
from mailclad.services.queue.schedule import LIFETIME_SECONDS, WARN_SECONDS
from mailclad.store.queue import Envelope
from tests.sessions.smtp.talk import NOW, TLS, Talk, strip_trace

FILES = sorted((pathlib.Path(__file__).parents[2] / "transcripts/smtp").glob("*.txt"))


@dataclass
class Part:
    """What is said between two handshakes."""

    client: bytes = b""
    server: bytes = b""


@dataclass
class Transcript:
    role: Role = Role.MX
    tls: bool = False
    closed: bool = False
    parts: list[Part] = field(default_factory=lambda: [Part()])
    kept: list[tuple[tuple[int, ...], bytes]] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)

    def talk(self) -> Talk:
        return Talk(self.role, tls=TLS if self.tls else None)


def read(path: pathlib.Path) -> Transcript:
    transcript = Transcript()
    for line in path.read_text().splitlines():
        head, _, text = line.partition(": " if line[:1] == "#" else ":")
        text = text.removeprefix(" ")
        if head in HEADS:
            HEADS[head](transcript, text)
        else:
            assert line[:1] in ("", "#"), line
    return transcript


def unescape(text: str) -> bytes:
    octets = ast.literal_eval(f'b"{text}"')
    assert isinstance(octets, bytes)
    return octets


def says(transcript: Transcript, octets: bytes) -> None:
    transcript.parts[-1].client += octets


def answers(transcript: Transcript, text: str) -> None:
    transcript.parts[-1].server += text.encode() + b"\r\n"


def keeps(transcript: Transcript, text: str) -> None:
    accounts, _, message = text.partition(" ")
    numbers = tuple(int(number) for number in accounts.split(",") if number != "-")
    transcript.kept.append((numbers, unescape(message)))


HEADS: dict[str, Callable[[Transcript, str], None]] = {
    "# role": lambda transcript, text: setattr(transcript, "role", Role(text)),
    "# tls": lambda transcript, text: setattr(transcript, "tls", True),
    "C": lambda transcript, text: says(transcript, text.encode() + b"\r\n"),
    "X": lambda transcript, text: says(transcript, unescape(text)),
    "S": answers,
    "T": lambda transcript, text: transcript.parts.append(Part()),
    "Z": lambda transcript, text: setattr(transcript, "closed", True),
    "K": keeps,
    "Q": lambda transcript, text: transcript.queued.append(text),
}


def told(envelope: Envelope) -> str:
    """Sender, recipients, and all else that is not as usual; times from now on."""
    words = [f"<{envelope.sender}>", "to"]
    for each in envelope.recipients:
        words.append(f"<{each.address}>")
        words += [str(each.notify)] if each.notify else []
        words += [each.orcpt] if each.orcpt else []
    words += [f"at {each.destination}" for each in envelope.recipients]
    usual = (LIFETIME_SECONDS, WARN_SECONDS, 0)
    times = (envelope.expires - NOW, envelope.warn_at - NOW, max(envelope.not_before - NOW, 0))
    names = ("expires", "warn", "held")
    words += [f"{name}={t}" for name, t, u in zip(names, times, usual, strict=True) if t != u]
    for name in ("envid", "ret", "priority", "requiretls", "smtputf8", "eight_bit"):
        if value := getattr(envelope, name):
            words.append(f"{name}={value}")
    return " ".join(words)


def check(transcript: Transcript, talk: Talk) -> None:
    kept = [(accounts, strip_trace(octets)) for accounts, octets in talk.store.kept]
    assert kept == transcript.kept
    assert [told(envelope) for envelope in talk.store.queued] == transcript.queued
    assert (talk.closed is not None) is transcript.closed


each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@each_file
def test_whole(path: pathlib.Path) -> None:
    transcript = read(path)
    talk = transcript.talk()

    for number, part in enumerate(transcript.parts):
        if number:
            talk.start_tls()
        assert talk.feed(part.client).decode().splitlines() == part.server.decode().splitlines()
    check(transcript, talk)


@each_file
def test_byte_by_byte(path: pathlib.Path) -> None:
    transcript = read(path)
    talk = transcript.talk()

    for number, part in enumerate(transcript.parts):
        if number:
            talk.start_tls()
        said = b"".join(talk.feed(bytes([octet])) for octet in part.client)
        assert said.decode().splitlines() == part.server.decode().splitlines()
    check(transcript, talk)


@pytest.mark.slow
@each_file
def test_cut_at_every_place(path: pathlib.Path) -> None:
    """Two pieces, whatever their border: the same answers, the same message kept."""
    transcript = read(path)
    client = transcript.parts[0].client

    for at in range(1, len(client)):
        talk = transcript.talk()
        assert talk.feed(client[:at]) + talk.feed(client[at:]) == transcript.parts[0].server, at
        if len(transcript.parts) == 1:
            check(transcript, talk)


@pytest.mark.slow
@each_file
@pytest.mark.parametrize("octet", [b"\x00", b"\x80", b"\r", b"\n"])
def test_one_spoiled_octet(path: pathlib.Path, octet: bytes) -> None:
    """A conversation spoiled at any one place is answered somehow; nothing raises."""
    transcript = read(path)
    client = transcript.parts[0].client

    for at in range(len(client)):
        talk = transcript.talk()
        said = talk.feed(client[:at] + octet + client[at + 1 :])
        assert all(line[:3].isdigit() and line[3:4] in (b" ", b"-") for line in said.splitlines())
