"""Python functions of the administrator's own that look at mail on its way in.

A function is registered for a stage and is one guard.  It gets frozen values (at the end of a
message a ``Message``, which takes changes) and refuses by raising ``Refuse`` or ``Defer``.
Hooks are trusted with the mail, not to be without faults: one that raises anything else, or takes
longer than it may, has no opinion; the log gets its traceback, and mail goes on.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import structlog

from mailclad.base.octets import Octets
from mailclad.mail.address import Address, parse_address
from mailclad.mail.encoded_word import decode_text
from mailclad.mail.headers import MAX_HEADER_OCTETS, find_body, split_fields
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.queue.hooks import AttemptHook, AttemptMade
from mailclad.services.receive.guard import (
    NO_OPINION,
    Arrived,
    Client,
    MailFrom,
    Opinion,
    Refused,
    Visit,
)
from mailclad.services.receive.header_edit import clean_body, make_field

HOOK_SECONDS = 10.0
"""For one call: a look-up elsewhere fits, and ten hooks stay within a client's patience."""

_log = structlog.get_logger()


class Refuse(Refused):
    """Say no for good; ``text`` is what the sender's person will read."""

    def __init__(
        self, text: str, *, code: int = 550, status: str = "5.7.1", close: bool = False
    ) -> None:
        super().__init__(Reply(code, status, _one_line(text)), close=close)


class Defer(Refused):
    """Say no for now: the sender's server tries again later."""

    def __init__(
        self, text: str, *, code: int = 451, status: str = "4.7.1", close: bool = False
    ) -> None:
        super().__init__(Reply(code, status, _one_line(text)), close=close)


@dataclass(slots=True)
class Message:
    """A message that has come whole, as hooks see and change it.

    The changes of a hook count when it returns; those of one that fails do not.
    """

    sender: MailFrom
    octets: Octets
    start: int
    recipients: list[Address]
    """The envelope from now on: take away, add, replace.  Empty: nobody gets the message."""
    above: bytes = b""
    """Fields that the server and hooks before have put above the message, such as
    Authentication-Results."""
    _fields: bytes = b""
    _junk: str = ""
    _discard: bool = False
    _replaced: bytes | None = None
    _header: bytes | None = field(default=None, repr=False)

    @property
    def client(self) -> Client:
        """Who brought it; ``client.account`` is set where one of our people sends it."""
        return self.sender.client

    @property
    def content(self) -> bytes:
        """The whole message, header first; read at once, so mind its size."""
        return self.octets[self.start :]

    @property
    def body(self) -> bytes:
        """What follows the header, still encoded."""
        return self.octets[self.start + len(self._head()) :]

    def header(self, name: str) -> str:
        """The decoded value of the first field of that name, "" where there is none."""
        return next(iter(self.headers(name)), "")

    def headers(self, name: str) -> list[str]:
        """The decoded values of all fields of that name, those above the message first."""
        wanted = name.lower().encode()
        fields = split_fields(self.above) + split_fields(self._head())
        return [decode_text(value) for _, one, value in fields if one.lower() == wanted]

    def add_header(self, name: str, value: str) -> None:
        """Put a field above the message; raises ValueError where it cannot be one."""
        self._fields = make_field(name.encode(), value.encode()) + self._fields

    def junk(self, reason: str) -> None:
        """File it into Junk."""
        self._junk = reason or "a hook says so"

    def discard(self) -> None:
        """Tell the sender that all is well, and give it to nobody."""
        self._discard = True

    def replace(self, content: bytes) -> None:
        """Let this be the message, header first; its line ends are put right."""
        self._replaced = clean_body(content)

    def add_recipient(self, address: str) -> None:
        """Raises ValueError for what is no address."""
        self.recipients.append(parse_address(address))

    def opinion(self) -> Opinion:
        """All of this as the server understands it."""
        return Opinion(
            fields=self._fields,
            junk=self._junk,
            discard=self._discard,
            replaced=self._replaced,
            recipients=tuple(self.recipients),
        )

    def _head(self) -> bytes:
        if self._header is None:
            head = self.octets[self.start : self.start + MAX_HEADER_OCTETS]
            self._header = head[: find_body(head)]
        return self._header


ClientHook = Callable[[Client], Awaitable[None]]
MailHook = Callable[[MailFrom], Awaitable[None]]
RecipientHook = Callable[[MailFrom, Address], Awaitable[None]]
MessageHook = Callable[[Message], Awaitable[None]]
DeliveryHook = Callable[[AttemptMade], Awaitable[None]]
DnsHook = Callable[[str, str, str], Coroutine[Any, Any, None]]

_C = TypeVar("_C", bound=ClientHook)
_M = TypeVar("_M", bound=MailHook)
_R = TypeVar("_R", bound=RecipientHook)
_E = TypeVar("_E", bound=MessageHook)
_D = TypeVar("_D", bound=DeliveryHook)
_N = TypeVar("_N", bound=DnsHook)
_H = TypeVar("_H", bound=Callable[..., Any])


class Stage(StrEnum):
    """When a hook is called."""

    CONNECT = "connect"
    HELLO = "hello"
    MAIL = "mail"
    RECIPIENT = "recipient"
    MESSAGE = "message"
    DELIVERY = "delivery"
    DNS_CHALLENGE = "dns challenge"


_BESIDE_ARRIVALS = frozenset({Stage.DELIVERY, Stage.DNS_CHALLENGE})


class Hooks:
    """A set of hooks, in the order in which they were registered."""

    def __init__(self) -> None:
        self._registered: list[tuple[Stage, Callable[..., Any]]] = []

    def connect(self, hook: _C) -> _C:
        """Before the greeting."""
        return self._register(Stage.CONNECT, hook)

    def hello(self, hook: _C) -> _C:
        """After EHLO or HELO, also the one inside TLS."""
        return self._register(Stage.HELLO, hook)

    def mail(self, hook: _M) -> _M:
        """A message begins."""
        return self._register(Stage.MAIL, hook)

    def recipient(self, hook: _R) -> _R:
        """A recipient, who exists."""
        return self._register(Stage.RECIPIENT, hook)

    def message(self, hook: _E) -> _E:
        """The message has come whole."""
        return self._register(Stage.MESSAGE, hook)

    def delivery(self, hook: _D) -> _D:
        """A message was tried at another server; nothing can be refused any more."""
        return self._register(Stage.DELIVERY, hook)

    def dns_challenge(self, hook: _N) -> _N:
        """A certificate authority wants to see a TXT record, or has seen it.

        It gets "present" or "withdraw", the record's name, its value; it raises where it fails.
        """
        return self._register(Stage.DNS_CHALLENGE, hook)

    def guards(self, seconds: float = HOOK_SECONDS) -> tuple["HookGuard", ...]:
        """What a listener is given."""
        hooks = [pair for pair in self._registered if pair[0] not in _BESIDE_ARRIVALS]
        return tuple([HookGuard(stage, hook, seconds) for stage, hook in hooks])

    def attempts(self, seconds: float = HOOK_SECONDS) -> AttemptHook:
        """What the delivery of mail is given."""
        hooks = [hook for stage, hook in self._registered if stage is Stage.DELIVERY]
        return _AttemptHooks(tuple(hooks), seconds)

    def dns_challenges(self) -> tuple[DnsHook, ...]:
        """Who writes challenges into the DNS."""
        return tuple(hook for stage, hook in self._registered if stage is Stage.DNS_CHALLENGE)

    def _register(self, stage: Stage, hook: _H) -> _H:
        if not inspect.iscoroutinefunction(hook):
            name = getattr(hook, "__qualname__", hook)
            text = f"{name} must be an “async def”: the server waits for nobody else meanwhile"
            raise TypeError(text)
        self._registered.append((stage, hook))
        return hook


@dataclass(frozen=True, slots=True)
class HookGuard:
    """One function at one stage."""

    stage: Stage
    hook: Callable[..., Coroutine[Any, Any, None]]
    seconds: float

    def meet(self, client: Client) -> Visit:
        return _HookVisit(self, client)

    async def call(self, stage: Stage, *facts: object) -> bool:
        """Whether the hook has returned in time; raises Refused."""
        return stage is self.stage and await _called(self.hook, facts, self.seconds)


class _HookVisit(Visit):
    def __init__(self, guard: HookGuard, client: Client) -> None:
        self._guard, self._client = guard, client

    async def connected(self) -> None:
        await self._guard.call(Stage.CONNECT, self._client)

    async def hello(self, client: Client) -> None:
        await self._guard.call(Stage.HELLO, client)

    async def mail(self, sender: MailFrom) -> None:
        await self._guard.call(Stage.MAIL, sender)

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        await self._guard.call(Stage.RECIPIENT, sender, recipient)

    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        recipients = list(message.recipients)
        shown = Message(sender, message.octets, message.start, recipients, message.fields)
        returned = await self._guard.call(Stage.MESSAGE, shown)
        return shown.opinion() if returned else NO_OPINION


@dataclass(frozen=True, slots=True)
class _AttemptHooks:
    hooks: tuple[Callable[..., Coroutine[Any, Any, None]], ...]
    seconds: float

    async def on_attempt(self, attempt: AttemptMade) -> None:
        for hook in self.hooks:
            with suppress(Refused):  # too late to refuse anything
                await _called(hook, (attempt,), self.seconds)


async def _called(
    hook: Callable[..., Coroutine[Any, Any, None]], facts: tuple[object, ...], seconds: float
) -> bool:
    """Whether it has returned in time.

    A task of its own, so that a hook that swallows its cancellation cannot hold the mail up.
    """
    task = asyncio.ensure_future(hook(*facts))
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_forget)
    name = f"{hook.__module__}.{hook.__qualname__}"
    if not task.done():
        _log.error("hook takes too long", hook=name, seconds=seconds)
        return False
    problem = None if task.cancelled() else task.exception()
    if isinstance(problem, Refused):
        raise problem
    if problem is not None:
        _log.error("hook failed", hook=name, exc_info=problem)
    return problem is None and not task.cancelled()


def _forget(task: asyncio.Future[None]) -> None:
    """What a hook that was given up raises later has nobody to read it."""
    if not task.cancelled():
        task.exception()


def _one_line(text: str) -> str:
    return " ".join(text.split()) or "Refused"
