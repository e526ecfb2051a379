"""Our own ports, asked over loop-back which certificates they show: the proof of a swap.

RFC 6066 §3 (SNI); STARTTLS as :mod:`protocols.probe.dialogue` says it.  Comes in: our doors, and
for each name the chains that may be shown.  Goes out: a ``Proof``.  A door that shows another
chain, or whose handshake TLS itself breaks off, refutes; one that cannot be asked (no connection,
no answer in time) proves nothing, because a full listener says nothing about a certificate.
Every name is asked for at every door; beyond ``MOST_HANDSHAKES`` the names of a service take
turns at its doors, for they all have the same certificates.
"""

import asyncio
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.protocols.probe.dialogue import Dialogue, DialogueProblem
from mailclad.protocols.probe.grammar import Question
from mailclad.servers.expected_chains import Expected, asked_for, client_for
from mailclad.servers.own_checks import OwnChecks
from mailclad.servers.tls import ClientTrust
from mailclad.servers.tls_failure import HandshakeFailed

ASK_SECONDS = 5.0
"""For one door and name; a busy server takes a tenth of it."""

PROOF_SECONDS = 15.0
"""For all of them; what is left then counts as not asked."""

AT_ONCE = 8
"""Handshakes beside each other: more of them would only wait in front of the same loop."""

MOST_HANDSHAKES = 400
"""About two seconds of one core; nine ports on two addresses and twenty names stay below it."""

LATE = "no answer in time"

_READ_OCTETS = 16 * 1024


@dataclass(frozen=True, slots=True)
class Door:
    """Where a service can be reached on this machine."""

    service: Service
    tls: TlsMode
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.service} {self.port} at {self.address}"


@dataclass(frozen=True, slots=True)
class Proof:
    """``refuted`` says what was wrong, or is empty.

    ``proven`` are the doors that showed the right certificates, ``unproven`` those that could not
    be asked, each with the reason.
    """

    refuted: str = ""
    proven: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


_PROTOCOLS: Mapping[Service, MailProtocol] = {
    Service.SMTP: MailProtocol.SMTP,
    Service.SUBMISSION: MailProtocol.SUBMISSION,
    Service.IMAP: MailProtocol.IMAP,
    Service.POP3: MailProtocol.POP3,
}
_BEFORE_TLS = (Question.GREETING, Question.CAPABILITIES, Question.UPGRADE)


class _Unasked(Exception):
    """A door could not be asked; says why."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Of one door to one question; both texts are empty where all is well."""

    door: Door
    refuted: str = ""
    unasked: str = ""


def doors(service: Service, tls: TlsMode, sockets: Iterable[socket.socket]) -> Iterator[Door]:
    """Where these listening sockets are reached from this machine; none without TLS."""
    for sock in sockets if tls is not TlsMode.NONE else ():
        address, port = sock.getsockname()[:2]
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
        yield Door(service, tls, here, port)


async def prove(
    where: Sequence[Door], expected: Expected, trust: ClientTrust, checks: OwnChecks
) -> Proof:
    """Ask every door; takes ``PROOF_SECONDS`` at most."""
    checks.forget()
    seats = asyncio.Semaphore(AT_ONCE)

    async def ask(door: Door, name: str | None) -> _Answer:
        async with seats:
            return await _ask(door, name, expected, trust, checks)

    asking = {
        asyncio.ensure_future(ask(door, name)): door
        for door, name in questions(where, tuple(expected.by_name))
    }
    if not asking:
        return Proof()
    done, late = await asyncio.wait(asking, timeout=PROOF_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    answers = [task.result() for task in done]
    return _concluded(where, [*answers, *(_Answer(asking[one], unasked=LATE) for one in late)])


def _concluded(where: Sequence[Door], answers: Sequence[_Answer]) -> Proof:
    refuted = [answer.refuted for answer in answers if answer.refuted]
    unasked = {answer.door: answer.unasked for answer in answers if answer.unasked}
    return Proof(
        refuted=min(refuted, default=""),
        proven=tuple(str(door) for door in where if door not in unasked),
        unproven=tuple(f"{door}: {unasked[door]}" for door in where if door in unasked),
    )


def questions(where: Sequence[Door], names: Sequence[str]) -> Iterator[tuple[Door, str | None]]:
    every = len(where) * (len(names) + 1) <= MOST_HANDSHAKES
    for service in Service:
        here = [door for door in where if door.service is service]
        for turn, door in enumerate(here):
            yield door, None
            for name in names if every else names[turn :: len(here)]:
                yield door, name


async def _ask(
    door: Door,
    name: str | None,
    expected: Expected,
    trust: ClientTrust,
    checks: OwnChecks,
) -> _Answer:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            wrong = expected.wrong(name, await _chain_at(door, name, trust, checks))
    except HandshakeFailed as problem:
        wrong = f"breaks the handshake off: {problem.reason}"
    except TimeoutError:
        return _Answer(door, unasked=LATE)
    except OSError as problem:
        return _Answer(door, unasked=os.strerror(problem.errno or 0))
    except _Unasked as problem:
        return _Answer(door, unasked=str(problem))
    return _Answer(door, refuted=f"{asked_for(door, name)} {wrong}" if wrong else "")


async def _chain_at(
    door: Door, name: str | None, trust: ClientTrust, checks: OwnChecks
) -> tuple[bytes, ...]:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in door.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.bind((door.address, 0))
        with checks.noted(sock.getsockname()[1]):
            await loop.sock_connect(sock, (door.address, door.port))
            if door.tls is TlsMode.STARTTLS:
                await _come_to_tls(sock, Dialogue(_PROTOCOLS[door.service]))
            return await _shake(sock, name, trust)


async def _come_to_tls(sock: socket.socket, dialogue: Dialogue) -> None:
    for question in _BEFORE_TLS:
        await asyncio.get_running_loop().sock_sendall(sock, dialogue.ask(question))
        try:
            answer = dialogue.receive(b"")
            while answer is None:
                answer = dialogue.receive(await _read(sock))
        except DialogueProblem as problem:
            raise _Unasked(str(problem)) from None
        if not answer.positive:
            raise _Unasked(f"it answers “{answer.text}”")


async def _shake(sock: socket.socket, name: str | None, trust: ClientTrust) -> tuple[bytes, ...]:
    loop = asyncio.get_running_loop()
    client = client_for(trust, name)
    shake = client.handshake()
    await loop.sock_sendall(sock, shake.begin())
    while not shake.take(await _read(sock)):
        await loop.sock_sendall(sock, shake.output)
    await loop.sock_sendall(sock, shake.session.to_send() + shake.session.goodbye())
    return client.chain()


async def _read(sock: socket.socket) -> bytes:
    data = await asyncio.get_running_loop().sock_recv(sock, _READ_OCTETS)
    if not data:
        raise _Unasked("it closed the connection")
    return data
