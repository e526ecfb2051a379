"""A milter as a guard: another program that sees each step of an SMTP session and has a say.

Each SMTP connection has one connection with the milter, from the greeting on.  What the milter
says last counts for the step, the message or the whole connection, as in Sendmail; a milter that
is silent, gone or talks nonsense is left alone for the rest of the connection, and mail is
accepted or deferred, as its settings say.  The message is shown with the fields that guards
before have put above it, so that one milter can read another's results.
Limits: time for each answer, and ``MESSAGE_SECONDS`` in all for a message.
"""

import asyncio
from dataclasses import dataclass

from mailclad.base.octets import NewSpool
from mailclad.mail.address import Address
from mailclad.mail.headers import split_fields
from mailclad.protocols.milter.agreement import Step
from mailclad.protocols.milter.answer import Change, Settled, Verdict
from mailclad.protocols.milter.connection import Ask, connection_facts
from mailclad.protocols.milter.packet import BODY_OCTETS, strings
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.filter_failure import FILTER_DOWN
from mailclad.services.receive.guard import (
    NO_OPINION,
    Arrived,
    Client,
    MailFrom,
    Opinion,
    Refused,
    Visit,
)
from mailclad.services.receive.header_edit import split_message
from mailclad.services.receive.milter_changes import opinion_of
from mailclad.services.receive.milter_talk import MilterTalk, Terms

MESSAGE_SECONDS = 240.0
"""For a whole message, "progress" included: clients wait ten minutes (RFC 5321 §4.5.3.2.6), and
some of them less."""

_REJECTED = Reply(550, "5.7.1", "Refused by a filter")
_DEFERRED = Reply(451, "4.7.1", "A filter asks you to try again later")
_CLOSING = Reply(421, "4.7.0", "A filter ends this connection; try again later")
_NO: dict[Settled, Reply] = {
    Verdict.REJECT: _REJECTED,
    Verdict.DEFER: _DEFERRED,
    Verdict.SHUT_DOWN: _CLOSING,
    Verdict.FAIL_CONNECTION: _CLOSING,
}


@dataclass(frozen=True, slots=True)
class MilterGuard:
    """``daemon`` is what the milter is told of the listener."""

    terms: Terms
    daemon: str
    new_spool: NewSpool

    def meet(self, client: Client) -> Visit:
        return _MilterVisit(self, client)


class _MilterVisit(Visit):
    """``_always`` settles whatever comes on this connection, ``_message`` this transaction."""

    def __init__(self, guard: MilterGuard, client: Client) -> None:
        self._guard, self._client = guard, client
        self._talk = MilterTalk(guard.terms)
        self._always: Settled | None = None
        self._message: Settled | None = None
        self._open = False

    # --- what happens on the SMTP connection ---

    async def connected(self) -> None:
        client = self._client
        begun = await self._talk.begin()
        if begun is not Verdict.CONTINUE:
            self._always = begun
            return
        facts = connection_facts(f"[{client.peer}]" if client.peer else "localhost", client.peer)
        macros = {
            "j": client.host_name,
            "daemon_name": self._guard.daemon,
            "daemon_port": str(client.port),
            "client_addr": client.peer,
        }
        settled = await self._ask(Ask.CONNECT, facts, macros)
        if settled is Verdict.ACCEPT:
            self._always = settled
        self._obey(settled, close=True)

    async def hello(self, client: Client) -> None:
        tls = client.tls
        macros = {"tls_version": tls.version, "cipher": tls.suite} if tls is not None else {}
        settled = await self._ask(Ask.HELLO, strings([client.hello.encode()]), macros)
        if settled is Verdict.ACCEPT:
            self._always = settled
        if settled is not FILTER_DOWN:  # told at MAIL: without hello that would be a 503
            self._obey(settled)

    async def mail(self, sender: MailFrom) -> None:
        self.reset()
        self._open = self._always is None
        account = sender.client.account
        macros = {
            "i": sender.identity,
            "mail_addr": str(sender.mail.reverse_path or ""),
            "auth_type": "AUTH" if account is not None else "",
            "auth_authen": account.address if account is not None else "",
        }
        await self._transaction(Ask.MAIL, _path(sender.mail.reverse_path), macros)

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        macros = {"rcpt_addr": str(recipient), "rcpt_host": recipient.domain}
        await self._transaction(Ask.RECIPIENT, _path(recipient), macros)

    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        changes: list[Change] = []
        try:
            async with asyncio.timeout(MESSAGE_SECONDS):
                settled = await self._show(message, changes)
        except TimeoutError as problem:
            settled = self._always = self._talk.fail(problem)
        if self._open and settled is not Verdict.CONTINUE:
            self.reset()
        self._open, self._message = False, None
        self._obey(settled)
        if settled is Verdict.DISCARD:
            return Opinion(discard=True)
        if not changes or not self._talk.stands:
            return NO_OPINION
        blank = Step.LEADING_BLANK not in self._talk.steps
        return opinion_of(changes, sender, message, self._guard.new_spool, blank=blank)

    def reset(self) -> None:
        if self._open:
            self._talk.abort()
        self._open, self._message = False, None

    def close(self) -> None:
        self._talk.close()

    # --- what the milter says ---

    async def _transaction(self, ask: Ask, facts: bytes, macros: dict[str, str]) -> None:
        settled = await self._ask(ask, facts, macros)
        if settled in (Verdict.ACCEPT, Verdict.DISCARD):
            self._message = settled
        self._obey(settled)

    async def _show(self, message: Arrived, changes: list[Change]) -> Settled:
        """The message, field by field and piece by piece, until it is settled."""
        settled = await self._ask(Ask.DATA)
        header, body = split_message(message.octets, message.start)
        for field, name, _ in split_fields(message.fields) + split_fields(header):
            if settled is not Verdict.CONTINUE:
                return settled
            value = field.partition(b":")[2].removesuffix(b"\n").removesuffix(b"\r")
            if Step.LEADING_BLANK not in self._talk.steps:
                value = value.removeprefix(b" ")
            facts = strings([name, value.replace(b"\r\n", b"\n")])
            settled = await self._ask(Ask.FIELD, facts)
        if settled is Verdict.CONTINUE:
            settled = await self._ask(Ask.END_OF_HEADER)
        octets = message.octets
        for at in range(body, len(octets), BODY_OCTETS):
            if settled is not Verdict.CONTINUE:
                break
            settled = await self._ask(Ask.BODY, octets[at : at + BODY_OCTETS])
        if settled in (Verdict.CONTINUE, Verdict.SKIP):
            settled = await self._ask(Ask.END_OF_MESSAGE, changes=changes)
            self._open = False
        return settled

    def _obey(self, settled: Settled, *, close: bool = False) -> None:
        """Raise what is a no."""
        reply = settled if isinstance(settled, Reply) else _NO.get(settled)
        if reply is not None:
            raise Refused(reply, close=close or reply.code == _CLOSING.code)

    async def _ask(
        self,
        ask: Ask,
        facts: bytes = b"",
        macros: dict[str, str] | None = None,
        changes: list[Change] | None = None,
    ) -> Settled:
        """What the milter has to say, or what is settled already."""
        settled = self._always or self._message
        if settled is None:
            settled = await self._talk.ask(ask, facts, macros, changes)
            if not self._talk.stands:
                self._always = settled
        return settled


def _path(address: Address | None) -> bytes:
    return strings([b"<%b>" % ("" if address is None else str(address)).encode()])
