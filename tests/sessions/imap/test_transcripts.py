"""Whole conversations, from files; the way the bytes are cut must not matter.

A file holds what a client says (``C:``) and the server's answers (``S:``), of one
connection or two (``C2:``, ``S2:``).  ``# state:`` says where they begin (``authenticated``
if it says nothing), ``# tls: none`` that they begin in the clear, ``# messages:`` what lies
in INBOX (names of ``house.py``).  UIDVALIDITY is written as 1.  Each answer is compared where
it stands, so nothing may come too early.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from mailclad.protocols.imap.gates import State
from tests.sessions.imap import house
from tests.sessions.imap.house import TLS, Client, House, open_house

TRANSCRIPTS = sorted((Path(__file__).parents[2] / "transcripts/imap").glob("*.txt"))
SPOILED_PLACES = 24
_VALIDITY = re.compile(rb"(UIDVALIDITY|APPENDUID|COPYUID) \d+")
_LINE = re.compile(r"([CS])(2?): ?(.*)")

Say = Callable[[Client, bytes], Coroutine[Any, Any, bytes]]


@dataclass(frozen=True)
class Script:
    state: State
    private: bool
    messages: tuple[bytes, ...]
    lines: tuple[tuple[str, str, bytes], ...]
    """Who speaks (C or S), on which connection ("" or 2), a line with its end."""

    def client(self, which: str = "") -> bytes:
        return b"".join(line for who, on, line in self.lines if (who, on) == ("C", which))


def read(path: Path) -> Script:
    text = path.read_text()
    heads = dict(re.findall(r"^# (state|tls|messages): *(.*)$", text, re.MULTILINE))
    found = [_LINE.fullmatch(line) for line in text.splitlines() if line and line[0] != "#"]
    assert all(found), f"{path.name}: a line is neither C: nor S:"
    return Script(
        State(heads.get("state", "authenticated")),
        heads.get("tls") != "none",
        tuple(getattr(house, name.upper()) for name in heads.get("messages", "").split()),
        tuple((one[1], one[2], f"{one[3]}\r\n".encode()) for one in found if one),
    )


async def whole(client: Client, octets: bytes) -> bytes:
    return await client.say(octets)


async def byte_by_byte(client: Client, octets: bytes) -> bytes:
    return b"".join([await client.say(octets[at : at + 1]) for at in range(len(octets))])


def guest(home: House, script: Script) -> Client:
    return home.client(script.state, TLS if script.private else None)


async def perform(script: Script, say: Say) -> None:
    async with open_house() as home:
        await home.append(*script.messages)
        clients = {on: guest(home, script) for on in {on for _, on, _ in script.lines}}
        heard = dict.fromkeys(clients, b"")
        for (who, on), octets in turns(script):
            if who == "C":
                heard[on] += await say(clients[on], octets)
                for name, client in clients.items():
                    heard[name] += await client.heard()
            else:
                told, heard[on] = _VALIDITY.sub(rb"\1 1", heard[on]), b""
                assert told.decode() == octets.decode()
        assert not any(heard.values())
        for client in clients.values():
            client.leave()


def turns(script: Script) -> Iterator[tuple[tuple[str, str], bytes]]:
    """Lines that follow each other from one side go together, in one segment."""
    for turn, lines in groupby(script.lines, key=lambda line: line[:2]):
        yield turn, b"".join(line for *_, line in lines)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda p: p.stem)
def test_transcript_whole(path: Path) -> None:
    asyncio.run(perform(read(path), whole))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda p: p.stem)
def test_transcript_byte_by_byte(path: Path) -> None:
    asyncio.run(perform(read(path), byte_by_byte))


@pytest.mark.slow
@pytest.mark.parametrize("octet", [b"\x00", b"\x80"])
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda p: p.stem)
def test_one_spoiled_octet(path: Path, octet: bytes) -> None:
    """Spoiled at any of some places it is answered somehow, and nothing is raised."""
    script = read(path)

    async def main() -> None:
        async with open_house() as home:
            await home.append(*script.messages)
            said = script.client()
            for at in range(0, len(said), max(1, len(said) // SPOILED_PLACES)):
                await _spoiled(home, script, said[:at] + octet + said[at + 1 :])

    asyncio.run(main())


async def _spoiled(home: House, script: Script, octets: bytes) -> None:
    client = guest(home, script)
    await client.say(octets)
    client.leave()
