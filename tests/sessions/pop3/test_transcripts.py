"""Whole conversations, from files; the way the bytes are cut must not matter.

``C:`` the client says, ``S:`` the server, ``T: handshake`` TLS begins here.
"""

import pathlib
from dataclasses import dataclass

import pytest

from tests.sessions.pop3.fakes import Driver

TRANSCRIPTS = sorted((pathlib.Path(__file__).parents[2] / "transcripts/pop3").glob("*.txt"))


@dataclass(frozen=True)
class Script:
    """``said`` has a piece for each stretch between handshakes."""

    tls: bool
    said: tuple[bytes, ...]
    heard: bytes


def read(path: pathlib.Path) -> Script:
    lines = [line for line in path.read_text().split("\n") if line and line[0] != "#"]
    tls = lines[0].startswith("T:")
    said, heard = [b""], b""
    for line in lines[1:] if tls else lines:
        text = line[3:].encode() + b"\r\n"
        if line.startswith("C:"):
            said[-1] += text
        elif line.startswith("S:"):
            heard += text
        else:
            said.append(b"")
    return Script(tls, tuple(said), heard)


SCRIPTS = [pytest.param(read(path), id=path.stem) for path in TRANSCRIPTS]


def replay(script: Script, at: int, width: int = 1) -> bytes:
    """Each stretch cut ``width`` octets apart, from ``at`` on."""
    with Driver(tls=script.tls) as driver:
        heard = driver.feed(b"")
        for number, said in enumerate(script.said):
            if number:
                driver.handshake()
            heard += driver.feed(said[:at])
            for start in range(at, len(said), width):
                heard += driver.feed(said[start : start + width])
        return heard


@pytest.mark.parametrize("script", SCRIPTS)
def test_whole(script: Script) -> None:
    assert replay(script, 100_000) == script.heard


@pytest.mark.parametrize("script", SCRIPTS)
def test_byte_by_byte(script: Script) -> None:
    assert replay(script, 0) == script.heard


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_cut_at_every_place(script: Script) -> None:
    for at in range(1, max(map(len, script.said))):
        assert replay(script, at, 100_000) == script.heard


@pytest.mark.slow
@pytest.mark.parametrize("octet", [b"\x00", b"\x80", b"\n"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_one_spoiled_octet(script: Script, octet: bytes) -> None:
    """A conversation spoiled at any one place is answered somehow; the engine never raises."""
    for number, said in enumerate(script.said):
        for at in range(len(said)):
            with Driver(tls=script.tls) as driver:
                for stretch in script.said[:number]:
                    driver.feed(stretch)
                    driver.handshake()
                driver.feed(said[:at] + octet + said[at + 1 :])
