"""The pages of a house with two people, over a real store; and a browser that keeps its cookie."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp, Message

from mailclad.app.config import Config
from mailclad.app.settings.mta_sts import MtaStsConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.web_hosts import our_hosts
from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.auth.authenticator import make_authenticator
from mailclad.services.auth.password import Argon2id, PasswordChecker
from mailclad.services.auth.throttle import ThrottleTables
from mailclad.services.auth.web_sessions import Browsers
from mailclad.services.client_setup.board import WatchBoard
from mailclad.services.client_setup.files import FILES
from mailclad.services.client_setup.mobileconfig import write_mobileconfig
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.watching import SetupWatching
from mailclad.services.provision.accounts import Provision
from mailclad.web.pages.all import page_routes
from mailclad.web.pages.parts import PageParts
from mailclad.web.programs import ProgramParts
from mailclad.web.site import site
from tests.engines.stores import opened
from tests.services.clock import StandingClock

HOST = "mail.example.org"
ADA, GRACE = "ada@example.org", "grace@example.org"
PASSWORD = "correct horse"
SECRET = Secret(b"k" * 32)
ENDPOINTS = (
    Endpoint(MailProtocol.IMAP, HOST, 993, TlsMode.IMPLICIT),
    Endpoint(MailProtocol.SUBMISSION, HOST, 465, TlsMode.IMPLICIT),
    Endpoint(MailProtocol.SUBMISSION, HOST, 587, TlsMode.STARTTLS),
)
Act = Callable[["House"], Awaitable[None]]
"""What a test does at home."""

COOKIE = re.compile(r"__Host-mailclad=([^;]*)")
FORM_TOKEN = re.compile(r'name="form_token" value="([^"]*)"')


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def form_token(self) -> str:
        found = FORM_TOKEN.search(self.text)
        return found[1] if found else ""


@dataclass
class House:
    store: SqliteStore
    provision: Provision
    clock: StandingClock
    watching: SetupWatching
    browsers: Browsers
    application: ASGIApp

    def browser(self) -> "Browser":
        return Browser(self.application)


@dataclass
class Browser:
    """Sends what browsers send; ``token`` is its cookie."""

    application: ASGIApp
    token: str = ""
    address: str = "192.0.2.7"
    extra: Sequence[tuple[str, str]] = (("sec-fetch-site", "same-origin"),)
    closing: bool = field(default=False)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self._ask("GET", path, b"", more)

    async def post(self, path: str, form: Mapping[str, str] | bytes = b"", **more: Any) -> Answer:
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        return await self._ask("POST", path, body, more)

    async def head(self, path: str) -> Answer:
        return await self._ask("HEAD", path, b"", {})

    async def sign_in(self, login: str = ADA, password: str = PASSWORD, **form: str) -> Answer:
        return await self.post("/sign-in", {"login": login, "password": password, **form})

    async def form(self, path: str, form: Mapping[str, str], page: str = "/devices") -> Answer:
        """As it is sent from a page of its own."""
        token = (await self.get(page)).form_token
        return await self.post(path, {"form_token": token, **form})

    async def _ask(self, method: str, path: str, body: bytes, more: Mapping[str, Any]) -> Answer:
        path, _, query = path.partition("?")
        headers = [("host", HOST), ("accept", "text/html"), *more.get("extra", self.extra)]
        if method == "POST":
            kind = more.get("content_type", "application/x-www-form-urlencoded")
            headers.append(("content-type", kind))
        if self.token:
            headers.append(("cookie", f"__Host-mailclad={self.token}"))
        sent: list[Message] = []
        asked = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Message:
            found = next(asked, None)
            if found is None:
                await asyncio.Event().wait()
            return found or {}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "http_version": "1.1",
            "scheme": "https",
            "server": (HOST, 443),
            "client": (self.address, 0),
            "root_path": "",
            "extensions": {
                "mailclad.tls_version": {"version": "TLSv1.3"},
                "mailclad.closing": {"is_closing": lambda: self.closing},
            },
        }
        await self.application(scope, receive, send)
        fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        text = b"".join(part.get("body", b"") for part in sent[1:]).decode()
        found = COOKIE.match(fields.get("set-cookie", ""))
        if found is not None:
            self.token = found[1].strip('"')
        return Answer(sent[0]["status"], fields, text)


@asynccontextmanager
async def housed(directory: Path, *, ca_pem: bytes | None = None) -> AsyncIterator[House]:
    async with opened(directory) as store:
        clock = StandingClock()
        checker = PasswordChecker(Argon2id(memory_kib=8, passes=1))
        tables = ThrottleTables()
        provision = Provision(store, SECRET, checker, clock)
        await provision.add_domain("example.org")
        for address in (ADA, GRACE):
            await provision.add_account(address, Secret(PASSWORD.encode()))
        authenticator = make_authenticator(store, SECRET, clock, tables, checker)
        browsers = Browsers(store, authenticator, SECRET, clock)
        watching = SetupWatching(store, WatchBoard(), clock, ENDPOINTS)

        def settings_of(domain: str, address: str) -> ClientSettings:
            return ClientSettings(address, domain, ENDPOINTS)

        config = Config(server=ServerConfig(hostname=HOST))
        parts = PageParts(
            host_name=HOST,
            domains=store.domains,
            settings_of=settings_of,
            profile=write_mobileconfig,
            ca_pem=ca_pem,
            files=FILES,
            browsers=browsers,
            provision=provision,
            watching=watching,
            clock=clock,
        )
        application = site(
            ProgramParts(store.domains, settings_of, write_mobileconfig, f"https://{HOST}/setup"),
            page_routes(parts),
            our_hosts(config, store.domains),
            lambda domain: MtaStsConfig().policy(domain, HOST),
            host_name=HOST,
            public=True,
        )
        try:
            yield House(store, provision, clock, watching, browsers, application)
        finally:
            checker.close()
            tables.close()
