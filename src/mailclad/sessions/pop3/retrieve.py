"""RETR and TOP: a message, or its start (RFC 1939 §5 and §7).

Read and sent in steps, so that no message is ever whole in memory.  The first step is read
before ``+OK``, so that most refusals still can be said.
"""

import re
from collections.abc import Iterator

from mailclad.protocols.pop3.commands import Retr, Top
from mailclad.protocols.pop3.responses import Begin, End, Piece, Whole
from mailclad.sessions.pop3.listing import NO_SUCH_MESSAGE
from mailclad.sessions.pop3.outcome import Emit, Outcome, err
from mailclad.sessions.pop3.session import Transaction
from mailclad.store.interface import Body

STEP_OCTETS = 256 * 1024
"""One block of the store; also what one TLS write takes well."""

_END_OF_HEADER = re.compile(rb"\n\r?\n")
_EMPTY_HEADER = re.compile(rb"\r?\n")


async def retr(session: Transaction, command: Retr, emit: Emit) -> Outcome:
    return await _send(session, command.number, None, emit)


async def top(session: Transaction, command: Top, emit: Emit) -> Outcome:
    return await _send(session, command.number, command.lines, emit)


async def _send(session: Transaction, number: int, lines: int | None, emit: Emit) -> Outcome:
    maildrop = session.maildrop
    if not maildrop.has(number):
        return err(NO_SUCH_MESSAGE)
    body = await session.maildrops.body(maildrop.content(number))
    try:
        if lines is None and body.octets <= STEP_OCTETS:
            await emit(Whole(body.read(0, STEP_OCTETS)))
            return Outcome()
        pieces = _steps(body) if lines is None else start_of_message(_steps(body), lines)
        first = next(pieces, b"")
        await emit(Begin(f"{body.octets} octets" if lines is None else "the start follows"))
        await emit(Piece(first))
        for piece in pieces:
            await emit(Piece(piece))
        await emit(End())
    finally:
        body.close()
    return Outcome()


def _steps(body: Body) -> Iterator[bytes]:
    for start in range(0, body.octets, STEP_OCTETS):
        yield body.read(start, STEP_OCTETS)


def start_of_message(pieces: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """The header, the empty line and that many lines of the body, cut as the pieces are."""
    tail = b""  # the header's last octets: its end may lie across two pieces
    for piece in pieces:
        joined = tail + piece
        found = _EMPTY_HEADER.match(joined) if not tail else None
        found = found or _END_OF_HEADER.search(joined)
        if found is None:
            yield piece
            tail = joined[-2:]
            continue
        start = found.end() - len(tail)
        yield piece[:start]
        yield from _first_lines(piece[start:], pieces, lines)
        return


def _first_lines(piece: bytes, pieces: Iterator[bytes], lines: int) -> Iterator[bytes]:
    while lines:
        ends = piece.count(b"\n")
        if ends >= lines:
            rest = piece.split(b"\n", lines)[-1]
            yield piece[: len(piece) - len(rest)]
            return
        yield piece
        lines -= ends
        following = next(pieces, None)
        if following is None:
            return
        piece = following
