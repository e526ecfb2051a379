"""The worker processes: forked, heard, replaced when they die, ended.

Knows processes and their control links; what a worker does is a function that it is given.
Runs in the supervisor, which has one thread and no event loop, so forking is safe.
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

import structlog

from mailclad.app.control import (
    Failed,
    FrameReader,
    Proved,
    Ready,
    Retire,
    Retiring,
    Said,
    Swapped,
    say,
)
from mailclad.app.notices import NoticeBoard

SHORT_LIFE_SECONDS = 10.0
"""A worker that dies sooner did not recover by being replaced: the next one waits longer."""

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
"""Between replacements that die at once: a broken disk must not cost a core."""

LINK_READ_OCTETS = 65536

ANSWER_SECONDS = 30.0
"""A worker that answers its supervisor no sooner hangs, and serves nobody either."""

_log = structlog.get_logger()


class NoSlot(Exception):
    """All slots have a worker: older ones have not ended yet."""


@dataclass(slots=True)
class Worker:
    """One worker process as its supervisor sees it."""

    pid: int
    link: socket.socket
    slot: int
    started_at: float
    frames: FrameReader = field(default_factory=FrameReader)
    ready: bool = False
    unanswered: int = 0
    asked_at: float = 0.0
    retired: bool = False
    reason: str = ""


Work = Callable[[socket.socket, int], NoReturn]
"""What the child does with its end of the link and its slot on the board."""


class Pool:
    """All living workers of all generations, by process number."""

    def __init__(self, selector: selectors.BaseSelector, board: NoticeBoard) -> None:
        self._selector, self._board = selector, board
        self.workers: dict[int, Worker] = {}
        self._short_lives = 0

    def fork(self, work: Work) -> Worker:
        """Start one worker; raises NoSlot.  In the child this never returns."""
        slot = self._board.free_slot()
        if slot is None:
            raise NoSlot("All worker slots are in use: connections of the last reload still end.")
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_child(ours)
            work(theirs, slot)
        theirs.close()
        ours.setblocking(False)
        self._board.take(slot)
        worker = Worker(pid, ours, slot, time.monotonic())
        self.workers[pid] = worker
        return worker

    def hear(self, worker: Worker) -> list[Said]:
        """What the worker has said; a closed link is seen again when the process is reaped."""
        try:
            data = worker.link.recv(LINK_READ_OCTETS)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self._unwatch(worker)
            return []
        said = worker.frames.feed(data)
        for each in said:
            worker.ready = worker.ready or isinstance(each, Ready)
            worker.unanswered -= isinstance(each, Retiring | Swapped | Proved)
            worker.reason = each.text if isinstance(each, Failed) else worker.reason
        return said

    def watch(self, worker: Worker, heard: Callable[[], None]) -> None:
        self._selector.register(worker.link, selectors.EVENT_READ, heard)

    def retire(self, worker: Worker, seconds: float) -> None:
        """Have it accept nothing more, and end with its last connection or after that time."""
        worker.retired = True
        self.tell(worker, Retire(seconds))

    def tell(self, worker: Worker, said: Said) -> None:
        """Send what the worker has to answer."""
        worker.unanswered += 1
        worker.asked_at = time.monotonic()
        self.note(worker, said)

    def note(self, worker: Worker, said: Said) -> None:
        """Send what needs no answer; a worker that cannot even be told is killed."""
        if not say(worker.link, said):
            self.end(worker, "it does not read what it is told")

    def everybody(self) -> list[Worker]:
        return list(self.workers.values())

    def accepting(self) -> list[Worker]:
        return [one for one in self.workers.values() if one.ready and not one.retired]

    def end_hanging(self, now: float) -> None:
        """End the workers that owe an answer for too long; others take their places."""
        for worker in self.workers.values():
            if worker.unanswered and now - worker.asked_at > ANSWER_SECONDS:
                self.end(worker, "it does not answer")

    def end(self, worker: Worker, why: str) -> None:
        _log.error("worker killed", worker=worker.pid, reason=why)
        os.kill(worker.pid, signal.SIGKILL)

    def kill(self, worker: Worker) -> None:
        worker.retired = True
        if worker.pid in self.workers:
            os.kill(worker.pid, signal.SIGKILL)

    def reap(self) -> list[tuple[Worker, str]]:
        """The workers that ended since, each with how."""
        ended: list[tuple[Worker, str]] = []
        for worker in list(self.workers.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid == 0:
                continue
            self.hear(worker)  # its last words
            self._unwatch(worker)
            worker.link.close()
            self._board.release(worker.slot)
            del self.workers[pid]
            ended.append((worker, _how(status)))
        return ended

    def replacement_delay(self, dead: Worker) -> float:
        """How long to wait before another takes the dead worker's place."""
        if time.monotonic() - dead.started_at > SHORT_LIFE_SECONDS:
            self._short_lives = 0
            return 0.0
        self._short_lives += 1
        doubled: float = FIRST_DELAY_SECONDS * 2.0 ** (self._short_lives - 2)
        return 0.0 if self._short_lives == 1 else min(doubled, LONGEST_DELAY_SECONDS)

    def _unwatch(self, worker: Worker) -> None:
        if worker.link.fileno() in self._selector.get_map():
            self._selector.unregister(worker.link)

    def _become_child(self, ours: socket.socket) -> None:
        """Let go of what is the supervisor's: a link held open here would hide its death."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to hear
        ours.close()
        for sibling in self.workers.values():
            sibling.link.close()
        self._selector.close()


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
