"""A server of the zoo: it speaks a mail protocol, with the habits that it was given."""

import asyncio
from dataclasses import dataclass

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import MailProtocol
from mailclad.testing.zoo.certificates import CertificateZoo
from mailclad.testing.zoo.dialects import DIALECTS, Dialect, Verb
from mailclad.testing.zoo.peer import Gone, Peer
from mailclad.testing.zoo.terms import Terms


@dataclass(frozen=True, slots=True)
class Habits:
    """``greeting`` in the place of the right one; ``leaves`` closes behind it.

    ``clear`` and ``tls`` replace what is offered before and under TLS.  ``upgrade`` is the answer
    to STARTTLS in the place of TLS; ``stalls`` says nothing more behind it.  ``obeys_injected``:
    takes what came in the segment of STARTTLS for encrypted.  ``waits``: greets late.
    """

    greeting: str = ""
    leaves: bool = False
    clear: tuple[str, ...] | None = None
    tls: tuple[str, ...] | None = None
    upgrade: str = ""
    stalls: bool = False
    obeys_injected: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    protocol: MailProtocol
    mode: TlsMode
    terms: Terms
    habits: Habits
    certificates: CertificateZoo
    late_seconds: float

    async def serve(self, peer: Peer) -> None:
        """Raises Gone."""
        if self.mode is TlsMode.IMPLICIT:
            await peer.begin_tls(self.terms, self.certificates)
        if self.protocol is MailProtocol.HTTPS:
            await _web(peer)
            return
        await self._greet(peer)
        if not self.habits.leaves:
            while await self._answer(peer, await peer.line()):
                pass

    @property
    def _dialect(self) -> Dialect:
        return DIALECTS[self.protocol]

    def _words(self, peer: Peer) -> tuple[str, ...]:
        ours = self.habits.tls if peer.is_encrypted else self.habits.clear
        usual = self._dialect.tls if peer.is_encrypted else self._dialect.clear
        return usual if ours is None else ours

    async def _greet(self, peer: Peer) -> None:
        if self.habits.waits:
            await asyncio.sleep(self.late_seconds)
        words = self._words(peer)
        await _say(peer, self.habits.greeting or self._dialect.greeting(words))

    async def _answer(self, peer: Peer, line: bytes) -> bool:
        """Whether the conversation goes on."""
        dialect = self._dialect
        command = line.decode("ascii", "replace")
        tag, _, rest = command.partition(" ") if dialect.is_tagged else ("", "", command)
        verb = dialect.verbs.get((rest.split() or [""])[0].upper())
        match verb:
            case Verb.CAPABILITIES:
                answer = dialect.told(self._words(peer))
            case Verb.NOTHING:
                answer = dialect.fine
            case Verb.SIGN_IN:
                answer = dialect.nobody
            case Verb.LEAVE:
                answer = dialect.bye
            case Verb.UPGRADE if not peer.is_encrypted:
                return await self._upgrade(peer, tag)
            case _:
                answer = dialect.refused
        await _say(peer, answer.replace("{tag}", tag))
        return verb is not Verb.LEAVE

    async def _upgrade(self, peer: Peer, tag: str) -> bool:
        answer = self.habits.upgrade or self._dialect.go
        if not self.habits.obeys_injected:
            peer.forget()
        await _say(peer, answer.replace("{tag}", tag))
        if self.habits.upgrade:
            if self.habits.stalls:
                await peer.linger()
            return True
        await peer.begin_tls(self.terms, self.certificates)
        if self._dialect.greets_again:
            await self._greet(peer)
        return True


async def _say(peer: Peer, line: str) -> None:
    await peer.say(f"{line}\r\n".encode())


async def _web(peer: Peer) -> None:
    """One request, one answer."""
    while await peer.line():
        pass
    await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


async def converse(server: Server, peer: Peer) -> None:
    try:
        await server.serve(peer)
    except Gone:
        pass
    finally:
        peer.close()
