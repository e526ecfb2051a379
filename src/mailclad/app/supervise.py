"""The supervisor: one process without threads or event loop that keeps the workers going.

It hears signals (SIGTERM and SIGINT stop, SIGHUP reloads), replaces workers that die, notices
renewed certificates and tells systemd how things are.  Certificates reach running workers over
their links, so that no connection and no session ticket is lost; any other change of the
configuration starts a new generation of workers beside the old one, which retires.  A
configuration with a mistake changes nothing.  Mail needs no process to live on.
"""

import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from mailclad.app.activation import Activation, Staged
from mailclad.app.control import Ready, Swapped
from mailclad.app.notices import NoticeBoard
from mailclad.app.notify import notify, reloading
from mailclad.app.pool import NoSlot, Pool, Work, Worker
from mailclad.app.postbox import Postbox

CERTIFICATE_CHECK_SECONDS = 5.0
"""How soon a renewed file is served; looking costs a stat(2) each."""

KILL_AFTER_SECONDS = 5.0
"""Beyond the time for draining, before a worker that does not end is killed."""

RETIRE_SECONDS = 300.0
"""What connections to workers of an old configuration get; programs come back alone."""

START_SECONDS = 60.0
"""A worker that does not accept by then never will (a store under repair takes longest)."""

_log = structlog.get_logger()


class Installation(Protocol):
    """What is supervised; implemented by ``app.generation``."""

    def workers(self) -> int:
        """How many processes the running configuration wants."""
        ...

    def work(self) -> Work:
        """What a worker of the running configuration does."""
        ...

    def drain_seconds(self) -> float: ...

    def reload(self) -> "Reloaded":
        """Read the configuration again; raises ReloadRefused and changes nothing then."""
        ...

    def served_certificates(self) -> Staged | None:
        """What the first workers serve, to be proven; None where there is no TLS."""
        ...

    def renewed_certificates(self) -> Staged | None:
        """What is to be served next, if there is something new that is fit to be."""
        ...


@dataclass(frozen=True, slots=True)
class Reloaded:
    """``workers_change``: a new generation is needed; ``settle(True)`` once it accepts,
    ``settle(False)`` when it could not start."""

    workers_change: bool
    staged: Staged | None
    settle: Callable[[bool], None]


class ReloadRefused(Exception):
    """Why the old configuration stays; the text is for people."""


class CannotStart(Exception):
    """No worker could start; the text says why."""


class Supervisor:
    """Runs the workers of an installation until it is told to stop."""

    def __init__(
        self, installation: Installation, board: NoticeBoard, postbox: Postbox | None = None
    ) -> None:
        self._installation = installation
        self._selector = selectors.DefaultSelector()
        if postbox is not None:
            self._selector.register(postbox.descriptor, selectors.EVENT_READ, postbox.pass_on)
        self._pool = Pool(self._selector, board)
        self._generation: list[Worker] = []
        self._coming: list[Worker] = []
        self._reload: Reloaded | None = None
        self._activation: Activation | None = None
        self._reload_asked = False
        self._due: list[float] = []
        self._next_look = 0.0
        self._stop_at: float | None = None
        self._failure = ""
        self._on_ready: Callable[[], None] = lambda: None

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start, serve and stop; raises CannotStart.  ``on_ready``: every port accepts."""
        self._on_ready = on_ready
        wakeup = _signals_to(self._selector, self._signalled)
        try:
            self._coming = [self._fork() for _ in range(self._installation.workers())]
            self._next_look = time.monotonic() + CERTIFICATE_CHECK_SECONDS
            while self._pool.workers or (self._stop_at is None and not self._failure):
                for key, _ in self._selector.select(self._wait()):
                    key.data()
                self._tick(time.monotonic())
        finally:
            for worker in list(self._pool.workers.values()):
                self._pool.kill(worker)
            wakeup()
            self._selector.close()
        if self._failure:
            raise CannotStart(self._failure)

    # --- what happens ---

    def _signalled(self, number: int) -> None:
        if number == signal.SIGHUP:
            self._reload_asked = True
        elif number in {signal.SIGTERM, signal.SIGINT}:
            self._stop()

    def _heard(self, worker: Worker) -> None:
        for said in self._pool.hear(worker):
            if isinstance(said, Ready):
                self._worker_ready()
            elif isinstance(said, Swapped) and not said.refusal:
                _log.info("certificates in use", worker=worker.pid)
            if self._activation is not None:
                self._activation.heard(worker, said)

    def _worker_ready(self) -> None:
        if not self._coming or not all(w.ready for w in self._coming):
            return
        old, self._generation, self._coming = self._generation, self._coming, []
        self._due.clear()  # the places of old workers that have died
        for worker in old:
            self._pool.retire(worker, RETIRE_SECONDS)
        if self._reload is not None:
            self._reload.settle(True)
            return  # told of when all have answered
        _log.info("ready", workers=len(self._generation))
        self._on_ready()
        notify("READY=1")
        self._activate(self._installation.served_certificates())

    def _report_reloaded(self) -> None:
        """Once every worker has answered: whoever connects from now on meets what is new."""
        waiting = any(worker.unanswered for worker in self._pool.workers.values())
        if self._reload is None or self._coming or waiting or self._activation is not None:
            return
        self._reload = None
        _log.info("reloaded", workers=len(self._generation))
        notify("READY=1")

    def _died(self, worker: Worker, how: str) -> None:
        if self._activation is not None:
            self._activation.died(worker)
        if worker.retired:
            return
        _log.error("worker died", worker=worker.pid, how=how, reason=worker.reason)
        if worker in self._coming:
            self._start_failed(worker.reason or f"A worker ended with {how}.")
        elif worker in self._generation:
            self._generation.remove(worker)
            if self._stop_at is None:
                self._due.append(time.monotonic() + self._pool.replacement_delay(worker))

    def _start_failed(self, reason: str) -> None:
        """The first generation: give up.  A later one: the old one goes on."""
        for worker in self._coming:
            self._pool.kill(worker)
        self._coming = []
        if self._reload is None:
            self._failure = reason
            return
        if self._activation is not None:
            self._activation.give_up()
            self._activation = None
        self._reload.settle(False)
        self._reload = None
        _log.error("reload refused, the old configuration stays", reason=reason)
        notify("READY=1")

    # --- what is done ---

    def _fork(self) -> Worker:
        worker = self._pool.fork(self._installation.work())
        self._pool.watch(worker, partial(self._heard, worker))
        return worker

    def _tick(self, now: float) -> None:
        for worker, how in self._pool.reap():
            self._died(worker, how)
        if self._stop_at is None:
            self._go_on(now)
        elif now >= self._stop_at:
            for worker in list(self._pool.workers.values()):
                self._pool.kill(worker)

    def _go_on(self, now: float) -> None:
        self._pool.end_hanging(now)
        if self._coming and now - self._coming[0].started_at > START_SECONDS:
            self._start_failed(f"A worker did not accept within {START_SECONDS:.0f} seconds.")
        self._replace(now)
        if self._activation is not None and not self._coming and self._activation.step():
            self._activation = None
        self._report_reloaded()
        if not self._is_busy:
            self._begin(now)

    def _begin(self, now: float) -> None:
        """What has to wait for its turn."""
        if self._reload_asked:
            self._start_reload()
        elif now >= self._next_look:
            self._next_look = now + CERTIFICATE_CHECK_SECONDS
            self._activate(self._installation.renewed_certificates())

    @property
    def _is_busy(self) -> bool:
        """With what has to end before anything else is begun."""
        return bool(self._coming) or self._reload is not None or self._activation is not None

    def _replace(self, now: float) -> None:
        for due in [d for d in self._due if d <= now]:
            self._due.remove(due)
            try:
                self._generation.append(self._fork())
            except NoSlot:  # old workers are still ending: soon there is one
                self._due.append(now + CERTIFICATE_CHECK_SECONDS)

    def _wait(self) -> float:
        now = time.monotonic()
        look = now + CERTIFICATE_CHECK_SECONDS if self._is_busy else self._next_look
        soonest = min([look, *self._due, *([self._stop_at] if self._stop_at else [])])
        return max(0.0, soonest - now)

    def _activate(self, staged: Staged | None) -> None:
        """Workers forked later have them already: the supervisor's own table is swapped too."""
        if staged is not None:
            self._activation = Activation(self._pool, staged)

    def _start_reload(self) -> None:
        """Once nothing else is under way: what was asked for meanwhile is done after it."""
        self._reload_asked = False
        notify(reloading())
        try:
            reloaded = self._installation.reload()
        except ReloadRefused as refused:
            _log.error("reload refused, the old configuration stays", reason=str(refused))
            notify("READY=1")
            return
        self._activate(reloaded.staged)
        self._reload = reloaded
        if not reloaded.workers_change:
            reloaded.settle(True)
            return  # told of when all have answered
        try:
            for _ in range(self._installation.workers()):
                self._coming.append(self._fork())
        except NoSlot as full:
            self._start_failed(str(full))

    def _stop(self) -> None:
        if self._stop_at is not None:
            return
        notify("STOPPING=1")
        seconds = self._installation.drain_seconds()
        _log.info("stopping", connections_end_within_seconds=seconds)
        self._stop_at = time.monotonic() + seconds + KILL_AFTER_SECONDS
        self._due.clear()
        for worker in list(self._pool.workers.values()):
            self._pool.retire(worker, 0)


def _signals_to(
    selector: selectors.BaseSelector, signalled: Callable[[int], None]
) -> Callable[[], None]:
    """Have signals called from the selector's loop; returns how to end that."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def arrived() -> None:
        for number in os.read(read, 4096):
            signalled(number)

    selector.register(read, selectors.EVENT_READ, arrived)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}

    def end() -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)

    return end


def write_pid_file(file: Path | None) -> None:
    if file is not None:
        file.write_text(f"{os.getpid()}\n")
