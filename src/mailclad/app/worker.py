"""A worker process: one event loop that serves every port until it is told to retire.

Comes in: what was made before the fork, the link to the supervisor, a slot for hints.
Ends by itself when the supervisor is gone.  Never returns to the code that forked it.
"""

import asyncio
import contextlib
import os
import signal
import socket
from typing import NoReturn

import structlog

from mailclad.app.build import App, build
from mailclad.app.control import (
    Failed,
    FrameReader,
    Prove,
    Proved,
    Ready,
    Retire,
    Retiring,
    Said,
    Settle,
    Swap,
    Swapped,
    frame,
)
from mailclad.app.notices import NoticeBoard, Notices
from mailclad.app.parts import Shared
from mailclad.app.pool import LINK_READ_OCTETS, Work
from mailclad.store.errors import StoreProblem

try:
    import uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]

_log = structlog.get_logger()

KEPT_OCTETS = 4 * 1024 * 1024
"""Freed memory up to twice this stays with the worker, and is there for the next message."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed: twice as fast at accepting TLS."""
    return asyncio.new_event_loop() if uvloop is None else uvloop.new_event_loop()


def keep_freed_memory() -> None:
    """Let the allocator keep what messages take for moments, instead of mapping it each time.

    glibc maps large pieces, and gives back the end of the heap, above a threshold; it takes
    the size of a mapped piece that is freed for the new one.  (``calloc``: none of these
    octets is ever touched.)  Elsewhere this does nothing.  docs/decisions/0007.
    """
    bytes(KEPT_OCTETS)


def work_on(shared: Shared, board: NoticeBoard) -> Work:
    """What each worker of this configuration does."""

    def work(link: socket.socket, slot: int) -> NoReturn:
        status = 1
        keep_freed_memory()
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                status = runner.run(_serve(shared, board, link, slot))
        except Exception:
            _log.exception("worker failed")
        finally:
            os._exit(status)

    return work


async def _serve(shared: Shared, board: NoticeBoard, link: socket.socket, slot: int) -> int:
    loop = asyncio.get_running_loop()
    link.setblocking(False)
    notices = Notices(loop, board, slot)
    try:
        app = await build(shared, notices.announce)
    except Exception as problem:
        text = str(problem) or type(problem).__name__
        _log.exception("worker cannot start")
        await loop.sock_sendall(link, frame(Failed(text)))
        return 1
    notices.listen(app.noticed)
    await app.start()
    await loop.sock_sendall(link, frame(Ready()))
    await _obey(link, app)
    await app.drain(float(shared.config.limits.drain_seconds))
    notices.close()
    await app.close()
    return 0


async def _obey(link: socket.socket, app: App) -> None:
    """Do what the supervisor says, until connections have to end."""
    loop = asyncio.get_running_loop()
    told = asyncio.ensure_future(_hear(link, app))
    loop.add_signal_handler(signal.SIGTERM, told.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await told


async def _hear(link: socket.socket, app: App) -> None:
    loop = asyncio.get_running_loop()
    frames = FrameReader()
    retiring: asyncio.Task[None] | None = None
    aside: set[asyncio.Task[None]] = set()
    while True:
        hearing = asyncio.ensure_future(loop.sock_recv(link, LINK_READ_OCTETS))
        done, _ = await asyncio.wait(
            {hearing, *([retiring] if retiring else [])}, return_when=asyncio.FIRST_COMPLETED
        )
        if hearing not in done or not (data := hearing.result()):
            hearing.cancel()
            return
        for said in frames.feed(data):
            if isinstance(said, Retire):
                app.stop_accepting()
                retiring = asyncio.ensure_future(app.last_connection(said.seconds))
                await loop.sock_sendall(link, frame(Retiring()))
            else:
                aside.add(task := asyncio.create_task(_certificates(link, app, said)))
                task.add_done_callback(aside.discard)


async def _certificates(link: socket.socket, app: App, said: Said) -> None:
    loop = asyncio.get_running_loop()
    if isinstance(said, Swap):
        await loop.sock_sendall(link, frame(Swapped(app.swap(said.chains()))))
    elif isinstance(said, Prove):
        await loop.sock_sendall(link, frame(Proved(await app.prove(said.expected))))
    elif isinstance(said, Settle):
        await _settle(app, said)


async def _settle(app: App, said: Settle) -> None:
    try:
        await app.store.settle_certificate(said.certificate, said.state, said.note)
    except StoreProblem as problem:  # it is staged still, and proven again at the next start
        _log.error("certificate not noted", reason=str(problem))
