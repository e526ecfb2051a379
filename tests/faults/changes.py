"""People who change their mail over IMAP, and know what must be there afterwards.

Each has an account alone.  Before a command it notes what its success would change; with the
OK that becomes what must be, and after a crash either of the two may be, nothing between.
UIDs that the server has told must stay what they are.
"""

import asyncio
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.load import octets_of
from tests.faults.serving import PASSWORD, House, address

CHANGERS = tuple(f"changer{number}" for number in range(8))
BOXES = ("INBOX", "Shelf")
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Deleted")

_MESSAGE = re.compile(
    rb"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) ENVELOPE \(\"[^\"]*\" \"letter (\d+)\""
)
_APPENDED = re.compile(rb"\[APPENDUID \d+ (\d+)\]")
_COPIED = re.compile(rb"\[COPYUID \d+ \d+ (\d+)\]")

Place = tuple[str, int]
"""A mailbox and the number of a message in it."""


@dataclass
class State:
    """Flags by place, and the UIDs that are known."""

    flags: dict[Place, frozenset[str]] = field(default_factory=dict)
    uids: dict[Place, int] = field(default_factory=dict)

    def fits(self, found: "State") -> bool:
        """Whether that may be what was found."""
        known = {place: uid for place, uid in self.uids.items() if place in self.flags}
        return self.flags == found.flags and known.items() <= found.uids.items()


class Changer:
    """One person; ``numbers`` are those of messages nobody else has."""

    def __init__(self, house: House, name: str, first: int) -> None:
        self.done = 0
        self.state = State()
        self.wrong: list[str] = []
        self._house = house
        self.name = name
        self._next = first
        self._after: State | None = None  # if the command that is under way succeeds
        self._random = random.Random(name)

    async def change_until(self, over: asyncio.Event) -> None:
        while not over.is_set():
            try:
                await self._one_connection(over)
            except (OSError, EOFError):
                await asyncio.sleep(0.01)  # the server is gone: do not spin until it is over

    async def look(self) -> None:
        """Compare what is there with what may be there, and know it from then on."""
        async with asyncio.timeout(30):
            await self._one_connection(None)

    async def _one_connection(self, over: asyncio.Event | None) -> None:
        port = self._house.ports["imap", "implicit"]
        tls = self._house.context()
        reader, writer = await asyncio.open_connection("localhost", port, ssl=tls)
        try:
            talk = _Imap(reader, writer)
            await talk.begin(address(self.name))
            self._settle(await talk.read_all())
            while over is not None and not over.is_set():
                await self._change(talk)
                self.done += 1
        finally:
            writer.transport.abort()

    def _settle(self, found: State) -> None:
        if not any(state.fits(found) for state in (self.state, self._after) if state):
            self.wrong.append(f"{self.name}: {found} is neither {self.state} nor {self._after}")
        self.state, self._after = found, None

    async def _change(self, talk: "_Imap") -> None:
        places = [place for place in self.state.flags if place in self.state.uids]
        if len(places) < 5 or (len(places) < 40 and self._random.random() < 0.3):
            await self._append(talk)
            return
        place = self._random.choice(places)
        await talk.select(place[0])
        if "\\Deleted" in self.state.flags[place]:
            await self._expunge(talk, place)
        elif self._other(place) not in self.state.flags and self._random.random() < 0.5:
            await self._copy(talk, place, self._random.choice([b"COPY", b"MOVE"]))
        else:
            await self._flag(talk, place)

    def _other(self, place: Place) -> Place:
        return (BOXES[1 - BOXES.index(place[0])], place[1])

    def _expect(self, added: dict[Place, frozenset[str]], gone: Iterable[Place] = ()) -> State:
        """What will be true with the OK: known before the command is sent."""
        flags = {**self.state.flags, **added}
        uids = {place: uid for place, uid in self.state.uids.items() if place not in added}
        for place in gone:
            del flags[place]
            uids.pop(place, None)
        self._after = State(flags, uids)
        return self._after

    def _succeed(self, after: State, place: Place, code: re.Match[bytes] | None) -> None:
        assert code is not None, "UIDPLUS: the server tells the UID"
        after.uids[place] = int(code[1])
        self.state, self._after = after, None

    async def _append(self, talk: "_Imap") -> None:
        place = (self._random.choice(BOXES), self._next)
        self._next += 1
        octets = octets_of(place[1])
        flag = self._random.choice(FLAGS[:3])
        after = self._expect({place: frozenset({flag})})
        await talk.send(f"APPEND {place[0]} ({flag}) {{{len(octets)}}}".encode())
        await talk.invited()
        self._succeed(after, place, _APPENDED.search(await talk.finish(octets)))

    async def _copy(self, talk: "_Imap", place: Place, verb: bytes) -> None:
        other = self._other(place)
        gone = (place,) if verb == b"MOVE" else ()
        uid = self.state.uids[place]
        after = self._expect({other: self.state.flags[place]}, gone)
        answer = await talk.do(b"UID %b %d %b" % (verb, uid, other[0].encode()))
        self._succeed(after, other, _COPIED.search(answer))

    async def _flag(self, talk: "_Imap", place: Place) -> None:
        flag, before = self._random.choice(FLAGS), self.state.flags[place]
        sign = "-" if flag in before else "+"
        uid = self.state.uids[place]
        after = self._expect({place: before ^ {flag}})
        await talk.do(f"UID STORE {uid} {sign}FLAGS.SILENT ({flag})".encode())
        after.uids[place] = uid
        self.state, self._after = after, None

    async def _expunge(self, talk: "_Imap", place: Place) -> None:
        uid = self.state.uids[place]
        after = self._expect({}, (place,))
        await talk.do(b"UID EXPUNGE %d" % uid)
        self.state, self._after = after, None


class _Imap:
    """The client's side of IMAP, as far as this load needs it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._selected = ""

    async def begin(self, login: str) -> None:
        await self._reader.readuntil(b"\n")
        await self.do(f'LOGIN {login} "{PASSWORD}"'.encode())

    async def select(self, box: str) -> None:
        if box != self._selected:
            await self.do(b"SELECT " + box.encode())
            self._selected = box

    async def read_all(self) -> State:
        state = State()
        for box in BOXES:
            await self.select(box)
            answer = await self.do(b"UID FETCH 1:* (UID FLAGS ENVELOPE)")
            for uid, flags, number in _MESSAGE.findall(answer):
                place = (box, int(number))
                assert place not in state.flags, "nobody put it there twice"
                kept = [flag for flag in flags.decode().split() if flag != "\\Recent"]
                state.flags[place], state.uids[place] = frozenset(kept), int(uid)
        return state

    async def do(self, command: bytes) -> bytes:
        await self.send(command)
        return await self.finish()

    async def send(self, command: bytes) -> None:
        self._writer.write(b"t " + command + b"\r\n")

    async def invited(self) -> None:
        while not (line := await self._reader.readuntil(b"\n")).startswith(b"+"):
            if line.startswith(b"t "):
                raise EOFError(line.decode())

    async def finish(self, literal: bytes | None = None) -> bytes:
        """All that comes up to the tagged OK."""
        if literal is not None:
            self._writer.write(literal + b"\r\n")
        lines = []
        while True:
            lines.append(await self._reader.readuntil(b"\n"))
            if lines[-1].startswith(b"t "):
                break
        if not lines[-1].startswith(b"t OK"):
            raise EOFError(lines[-1].decode())
        return b"".join(lines)
