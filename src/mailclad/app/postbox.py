"""How a command that changes mail tells the running server: a named pipe in the data directory.

``mailclad mailbox import`` puts its hints in; the supervisor takes them out and hands them to
every worker, so that open programs see the mail at once.  Hints only: without a server, or
when the pipe is full, nothing is lost but time.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from mailclad.app.notices import HINTS_A_WRITE, NoticeBoard, hint
from mailclad.store.model import MailboxId, ModSeq

FILE_NAME = "notices"
MODE = 0o600
_HINT_OCTETS = len(hint(MailboxId(0), 0))


class Postbox:
    """The supervisor's end."""

    def __init__(self, directory: Path, board: NoticeBoard) -> None:
        path = directory / FILE_NAME
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, MODE)
        self._board = board
        # Open for both, so that the pipe has no end when the last command closes it.
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)

    def pass_on(self) -> None:
        """Give what has come to all workers; a full pipe of theirs means they look anyway."""
        try:
            came = os.read(self.descriptor, HINTS_A_WRITE * _HINT_OCTETS)
        except BlockingIOError:
            return
        whole = came[: len(came) - len(came) % _HINT_OCTETS]
        for slot in self._board.readers():
            self._board.put(slot, whole)

    def close(self) -> None:
        os.close(self.descriptor)


def announcer(directory: Path) -> tuple[Callable[[MailboxId, ModSeq], None], Callable[[], None]]:
    """How to tell the server of this directory, and how to stop; without one, of nobody."""
    try:
        pipe = os.open(directory / FILE_NAME, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:  # no pipe, or nobody who reads it
        return (lambda *_: None), (lambda: None)
    if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
        os.close(pipe)
        return (lambda *_: None), (lambda: None)

    def announce(mailbox: MailboxId, mod_seq: ModSeq) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(pipe, hint(mailbox, mod_seq))

    return announce, lambda: os.close(pipe)
