"""Hints between processes that a mailbox has changed.

Each worker has a slot with a pipe; all pipes are made before the fork, so every process can
reach every slot.  Pipes and not datagrams: Linux queues ten datagrams a socket
(net.unix.max_dgram_qlen), a pipe 4,096 hints, and a write of one piece is whole in either.
The mod-sequence in the store is the truth; a hint may come twice or, to a worker that does
not read for long, late.  The hints of one turn of the event loop go out in one write.
"""

import asyncio
import mmap
import os
import select
import struct
from collections.abc import Callable

from mailclad.store.model import MailboxId, ModSeq

_HINT = struct.Struct("<QQ")

HINTS_A_WRITE = select.PIPE_BUF // _HINT.size
"""What the kernel never mixes with what others write (256 on Linux)."""

_READ_OCTETS = 65536

RETRY_SECONDS = 0.05
"""How soon a full pipe is tried again: a worker is never busy for longer."""

MAILBOXES_WAITING = 65536
"""Hints kept for a worker that does not read (6 MB); beyond them its clients wait for a poll."""

Noticed = Callable[[MailboxId, ModSeq], None]


def hint(mailbox: MailboxId, mod_seq: ModSeq) -> bytes:
    """One hint as it goes through a pipe."""
    return _HINT.pack(mailbox, mod_seq)


class NoticeBoard:
    """The slots: a pipe each, and a shared byte that says whether somebody reads it."""

    def __init__(self, slots: int) -> None:
        self._pipes = [os.pipe() for _ in range(slots)]
        for pipe in self._pipes:
            for end in pipe:
                os.set_blocking(end, False)
        self._taken = mmap.mmap(-1, max(slots, 1))

    def free_slot(self) -> int | None:
        """A slot without a reader; slots are given out by one process only."""
        slot = self._taken[:].find(b"\0")
        return slot if 0 <= slot < len(self._pipes) else None

    def take(self, slot: int) -> None:
        self._taken[slot] = 1

    def release(self, slot: int) -> None:
        self._taken[slot] = 0

    def inbox(self, slot: int) -> int:
        return self._pipes[slot][0]

    def readers(self) -> list[int]:
        """The slots that somebody reads."""
        return [slot for slot in range(len(self._pipes)) if self._taken[slot]]

    def put(self, slot: int, hints: bytes) -> bool:
        """Write at most ``HINTS_A_WRITE`` hints; False when the pipe is full."""
        try:
            os.write(self._pipes[slot][1], hints)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        for pipe in self._pipes:
            for end in pipe:
                os.close(end)
        self._taken.close()


class Notices:
    """One worker's view of the board: tells the others and hears them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, board: NoticeBoard, slot: int) -> None:
        self._loop, self._board, self._slot = loop, board, slot
        self._waiting: dict[int, dict[MailboxId, ModSeq]] = {}
        self._scheduled: asyncio.Handle | None = None
        self._drop_old_hints()

    def listen(self, noticed: Noticed) -> None:
        """Have ``noticed`` called on the loop for each hint from another worker."""
        self._loop.add_reader(self._board.inbox(self._slot), self._hear, noticed)

    def announce(self, mailbox: MailboxId, mod_seq: ModSeq) -> None:
        """Tell the other workers, soon; on the event loop's thread."""
        for slot in self._board.readers():
            if slot == self._slot:
                continue
            waiting = self._waiting.setdefault(slot, {})
            if len(waiting) < MAILBOXES_WAITING:
                waiting[mailbox] = mod_seq
        if self._waiting and self._scheduled is None:
            self._scheduled = self._loop.call_soon(self._send)

    def close(self) -> None:
        self._loop.remove_reader(self._board.inbox(self._slot))
        if self._scheduled is not None:
            self._scheduled.cancel()

    def _send(self) -> None:
        self._scheduled = None
        readers = self._board.readers()
        for slot in list(self._waiting):
            if slot not in readers or self._send_to(slot, self._waiting[slot]):
                del self._waiting[slot]
        if self._waiting:
            self._scheduled = self._loop.call_later(RETRY_SECONDS, self._send)

    def _send_to(self, slot: int, hints: dict[MailboxId, ModSeq]) -> bool:
        """Send and forget as many as fit; True when none is left."""
        while hints:
            part = list(hints)[:HINTS_A_WRITE]
            if not self._board.put(slot, b"".join([hint(m, hints[m]) for m in part])):
                return False
            for mailbox in part:
                del hints[mailbox]
        return True

    def _hear(self, noticed: Noticed) -> None:
        for mailbox, mod_seq in _HINT.iter_unpack(self._read()):
            noticed(MailboxId(mailbox), mod_seq)

    def _drop_old_hints(self) -> None:
        """What was meant for the slot's last owner."""
        while self._read():
            pass

    def _read(self) -> bytes:
        try:
            return os.read(self._board.inbox(self._slot), _READ_OCTETS)
        except BlockingIOError:
            return b""
