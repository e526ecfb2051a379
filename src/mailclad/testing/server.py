"""``MailServer``: the same server as ``mailclad serve``, on a thread of this process.

It has an event loop and a temporary directory of its own, ports that the system chooses on
127.0.0.1, and a private certificate authority.  Two things differ from a real installation:
passwords are hashed cheaply, and there is one worker; the log shows warnings only, unless the
program has configured structlog.  Made for tests: its certificates are
for localhost, and its mail is gone when it stops.
"""

import asyncio
import shutil
import ssl
import tempfile
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from logging import WARNING
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog

from mailclad.app.build import App, build, prepare
from mailclad.app.certificates import Certificates, ensure_ca
from mailclad.app.clock import SystemClock
from mailclad.app.config import Config
from mailclad.app.settings.deliver import DeliverConfig
from mailclad.app.settings.listen import ListenConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.settings.tls import TlsConfig
from mailclad.app.sockets import Bound, open_sockets
from mailclad.app.worker import new_event_loop
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.mail.address import parse_address
from mailclad.protocols.imap.prepare import prepare as prepare_message
from mailclad.services.auth.password import Argon2id
from mailclad.services.receive.hooks import Hooks
from mailclad.store.model import ALL_UIDS, Column, Delivery, NewMessage

START_SECONDS = 30.0
"""Longer than any machine needs; a test must not wait for ever."""

CHEAP_ARGON2 = Argon2id(memory_kib=8, passes=1)
"""The real one takes a tenth of a second of each test that makes an account."""

SERVICES = (
    (Service.IMAP, TlsMode.IMPLICIT),
    (Service.IMAP, TlsMode.STARTTLS),
    (Service.POP3, TlsMode.IMPLICIT),
    (Service.POP3, TlsMode.STARTTLS),
    (Service.SUBMISSION, TlsMode.IMPLICIT),
    (Service.SUBMISSION, TlsMode.STARTTLS),
    (Service.SMTP, TlsMode.STARTTLS),
    (Service.LMTP, TlsMode.NONE),
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Account:
    """What a test needs to sign in."""

    address: str
    password: str


class MailServer:
    """A running mail server between ``start`` and ``stop``, or in a ``with`` statement."""

    host = "localhost"

    def __init__(self, *, hooks: Hooks | None = None) -> None:
        """``hooks`` (``mailclad.hooks``) see the mail that this server receives."""
        self._hooks = () if hooks is None else (hooks,)
        self._directory = Path(tempfile.mkdtemp(prefix="mailclad-"))
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._run, name="mailclad", daemon=True)
        self._inside: _Inside | None = None

    # --- running ---

    def start(self) -> Self:
        """Returns when every port accepts."""
        if not structlog.is_configured():
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(WARNING))
        self._thread.start()
        try:
            self._inside = self._do(_start(self._config(), self._hooks))
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all connections and remove all mail."""
        if self._inside is not None:
            self._do(self._inside.stop())
            self._inside = None
        if self._thread.is_alive():
            self._do(self._loop.shutdown_default_executor())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # --- where it is ---

    def port(self, service: str, tls: str = "implicit") -> int:
        """The port of "imap", "pop3", "submission" ("implicit" or "starttls"), "smtp", "lmtp"."""
        try:
            return self.ports[service, tls]
        except KeyError:
            offered = ", ".join(f"{s} {t}" for s, t in SERVICES)
            text = f"There is no {service} with {tls}. There are: {offered}."
            raise LookupError(text) from None

    @property
    def ports(self) -> dict[tuple[str, str], int]:
        """All ports, by service and TLS mode: ``mail.ports["imap", "implicit"]``."""
        return {(str(b.service), str(b.tls)): b.port for b in self._running.bound}

    def endpoint(self, service: str, tls: str = "implicit") -> tuple[str, int]:
        """Host and port, as clients take them."""
        return self.host, self.port(service, tls)

    @property
    def ca(self) -> Path:
        """The certificate authority's file (PEM) that clients must trust."""
        return self._running.ca

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """For the standard library's clients: trusts this server and nobody else."""
        return ssl.create_default_context(cafile=str(self.ca))

    # --- people and their mail ---

    def add_account(
        self,
        address: str,
        *,
        password: str = "correct horse",  # noqa: S107 - of accounts that live for one test
        name: str = "",
    ) -> Account:
        """Make an account, and its domain where it is new."""
        self._do(self._running.add_account(address, password, name))
        return Account(address, password)

    def add_alias(self, address: str, *targets: str) -> None:
        """Let mail for ``address`` go to the targets; ``*@domain`` is the catch-all."""
        self._do(self._running.add_alias(address, targets))

    def deliver(self, message: EmailMessage | bytes, *addresses: str) -> None:
        """Put a message into INBOX, as if it had arrived; bytes are stored as they are."""
        octets = message if isinstance(message, bytes) else message.as_bytes(policy=policy.SMTP)
        self._do(self._running.deliver(octets, addresses))

    def messages(self, address: str, mailbox: str = "INBOX") -> list[EmailMessage]:
        """What is in a mailbox, oldest first."""
        return [
            message_from_bytes(octets, policy=policy.default)
            for octets in self.octets(address, mailbox)
        ]

    def octets(self, address: str, mailbox: str = "INBOX") -> list[bytes]:
        """The same, byte for byte."""
        return self._do(self._running.octets(address, mailbox))

    # --- on the server's own thread ---

    @property
    def _running(self) -> "_Inside":
        if self._inside is None:
            raise RuntimeError("The server does not run: use it in a with statement, or start().")
        return self._inside

    def _config(self) -> Config:
        return Config(
            server=ServerConfig(hostname="localhost", data=self._directory),
            tls=TlsConfig(private_ca=True, names=("127.0.0.1",)),
            deliver=DeliverConfig(enabled=False),
            listen=tuple(
                ListenConfig(service=service, tls=tls, port=0, addresses=("127.0.0.1",))
                for service, tls in SERVICES
            ),
        )

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)


@dataclass(frozen=True, slots=True)
class _Inside:
    """What lives on the server's event loop; only coroutines of its loop touch it."""

    app: App
    bound: tuple[Bound, ...]
    ca: Path

    async def stop(self) -> None:
        await self.app.drain(0)
        await self.app.close()

    async def add_account(self, address: str, password: str, name: str) -> None:
        await self._ensure_domain(address)
        secret = Secret(password.encode())
        await self.app.provision().add_account(address, secret, name)

    async def add_alias(self, address: str, targets: tuple[str, ...]) -> None:
        await self._ensure_domain(address)
        if address.startswith("*@"):
            await self.app.provision().set_catch_all(address[2:], *targets)
        else:
            await self.app.provision().set_alias(address, *targets)

    async def deliver(self, octets: bytes, addresses: tuple[str, ...]) -> None:
        store = self.app.store
        owners = [await store.find_account(parse_address(a).normalised) for a in addresses]
        now = self.app.parts.clock.now()
        message = NewMessage(octets, prepare_message(octets), 0, now)
        await store.deliver(Delivery(message, tuple((o.id, "INBOX") for o in owners)))

    async def octets(self, address: str, mailbox: str) -> list[bytes]:
        store = self.app.store
        owner = await store.find_account(parse_address(address).normalised)
        stat = await store.stat(owner.id, mailbox)
        found: list[bytes] = []
        async for rows in store.fetch(stat.id, ALL_UIDS, (Column.CONTENT,)):
            for (content,) in rows:
                body = await store.body(content)
                found.append(body.read(0, body.octets))
                body.close()
        return found

    async def _ensure_domain(self, address: str) -> None:
        domain = address.rpartition("@")[2]
        if domain not in await self.app.store.domains():
            await self.app.provision().add_domain(domain)


async def _start(config: Config, hooks: tuple[Hooks, ...]) -> _Inside:
    chains = Certificates().start(config, SystemClock().now()).chains
    bound = open_sockets(config.listen, {})
    app = await build(prepare(config, bound, chains), lambda *_: None, CHEAP_ARGON2, hooks)
    await app.start()
    return _Inside(app, bound, ensure_ca(config))
