"""A small supervisor for tests: contexts first, then two forked workers; run as a program.

Arguments: the directory of the authority, the loop.  Prints the ports of worker 1 and worker 2
for IMAP, then for HTTPS; ends when its input does.  A client that says ``swap`` makes its
worker serve a new certificate; anything else is sent back.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.admission import Admission
from mailclad.servers.channel import Channel, Shell
from mailclad.servers.listener import Listening, listen
from mailclad.servers.tls import ContextTable
from tests.servers import loopback

SERVICES = (Service.IMAP, Service.HTTPS)


def swapping(contexts: ContextTable, directory: Path) -> Shell:
    async def shell(channel: Channel) -> None:
        while data := await channel.receive():
            if data == b"swap":
                contexts.swap([loopback.leaf(loopback.make_ca(directory))])
            channel.write(data)

    return shell


async def work(contexts: ContextTable, directory: Path, listening: list[Listening]) -> None:
    shell = swapping(contexts, directory)
    for one in listening:
        await listen(one, contexts, shell, Admission())
    await asyncio.Event().wait()


def main(directory: Path, loop_name: str) -> None:
    contexts = ContextTable([loopback.leaf(loopback.make_ca(directory))], SERVICES)
    workers = []
    ports = []
    for _ in range(2):
        listening = [
            Listening(service, TlsMode.IMPLICIT, (loopback.listening_socket(),))
            for service in SERVICES
        ]
        ports.append([str(one.sockets[0].getsockname()[1]) for one in listening])
        child = os.fork()
        if not child:
            sys.stdin.close()
            loop = loopback.LOOPS[loop_name]()
            asyncio.set_event_loop(loop)
            loop.run_until_complete(work(contexts, directory, listening))
        workers.append(child)
    sys.stdout.write(" ".join(port for pair in zip(*ports, strict=True) for port in pair) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    for child in workers:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
