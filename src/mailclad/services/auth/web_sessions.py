"""Browsers that are signed in: a random token in a cookie, its digest in the store.

OWASP's session rules.  Comes in: a password, or a token that anybody may invent.  Goes out: the
session, and a token to be kept by the browser alone.  A token changes whenever the password is
typed, so that one which was planted before is worthless.  Only the chosen password opens pages.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from mailclad.base.clock import Clock
from mailclad.base.secret import Secret
from mailclad.services.auth.authenticator import (
    AuthenticationFailed,
    AuthenticationUnavailable,
    Authenticator,
    Use,
)
from mailclad.store.model import AccountId
from mailclad.store.web_sessions import (
    LinkPurpose,
    NewWebSession,
    OnceLink,
    TakenLink,
    WebSession,
    WebSessions,
)

TOKEN_OCTETS = 32
TOKEN_CHARACTERS = 43
"""In base64 without padding."""

FRESH_SECONDS = 10 * 60
"""For so long after typing the password, new passwords for devices may be made."""

TOUCH_SECONDS = 60
"""How exactly it is known when a browser was used last: pages do not write each time."""

BROWSER_CHARACTERS = 200
"""Of what a browser calls itself."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks: the client's address, its TLS, what it calls itself."""

    address: str
    tls_version: str
    browser: str


class Browsers:
    """Sign-in, sessions, links: what the pages need."""

    def __init__(
        self, store: WebSessions, authenticator: Authenticator, secret: Secret, clock: Clock
    ) -> None:
        self._store, self._authenticator = store, authenticator
        self._secret, self._clock = secret.reveal(), clock

    async def sign_in(self, login: str, password: Secret, visit: Visit) -> str:
        """The token of a new session; raises what the authenticator raises."""
        account = await self._authenticator.password(login, password, Use.WEB, visit.address)
        token, session = await self._open(account.id, visit)
        try:
            # Once more, which is remembered and costs nothing: a change of the password in between
            # has ended all sessions but this one.
            await self._authenticator.password(login, password, Use.WEB, visit.address)
        except (AuthenticationFailed, AuthenticationUnavailable):
            await self._store.end_web_session(account.id, session)
            raise
        return token

    async def _open(self, account: AccountId, visit: Visit) -> tuple[str, int]:
        token = secrets.token_urlsafe(TOKEN_OCTETS)
        browser = visit.browser[:BROWSER_CHARACTERS]
        now = self._clock.now()
        session = await self._store.add_web_session(
            NewWebSession(account, _digest(token), now, visit.address, visit.tls_version, browser)
        )
        return token, session

    async def session(self, token: str) -> WebSession | None:
        if len(token) != TOKEN_CHARACTERS:
            return None
        now = self._clock.now()
        found = await self._store.web_session(_digest(token), now)
        if found is not None and now - found.used_at >= TOUCH_SECONDS:
            await self._store.touch_web_session(found.id, now)
        return found

    async def confirm(self, session: WebSession, password: Secret, visit: Visit) -> str:
        """The password typed again: another token for the same session."""
        login = session.account.address
        await self._authenticator.password(login, password, Use.WEB, visit.address)
        token = secrets.token_urlsafe(TOKEN_OCTETS)
        await self._store.rotate_web_session(session.id, _digest(token), self._clock.now())
        return token

    def is_fresh(self, session: WebSession) -> bool:
        return self._clock.now() - session.signed_in_at < FRESH_SECONDS

    async def all_of(self, account: AccountId) -> list[WebSession]:
        return await self._store.web_sessions(account, self._clock.now())

    async def end(self, account: AccountId, session: int) -> None:
        await self._store.end_web_session(account, session)

    def form_token(self, session: WebSession) -> str:
        """What each form of a session carries, so that no other page can post it."""
        text = f"form\0{session.id}\0{session.signed_in_at}".encode()
        found = hashlib.blake2b(text, key=self._secret, digest_size=24, person=b"web form")
        return base64.urlsafe_b64encode(found.digest()).decode()

    def is_form_of(self, session: WebSession, token: str) -> bool:
        return hmac.compare_digest(self.form_token(session).encode(), token.encode())

    async def make_link(
        self, account: AccountId, purpose: LinkPurpose, seconds: int, app_password: int = 0
    ) -> str:
        """The token of a link that works once, within that time."""
        token = secrets.token_urlsafe(TOKEN_OCTETS)
        until = self._clock.now() + seconds
        link = OnceLink(account, purpose, app_password, until)
        await self._store.add_once_link(_digest(token), link)
        return token

    async def take_link(self, token: str) -> TakenLink | None:
        if len(token) != TOKEN_CHARACTERS:
            return None
        return await self._store.take_once_link(_digest(token), self._clock.now())


async def forget_browsers(store: WebSessions, clock: Clock) -> None:
    """Sessions and links whose time is over."""
    await store.forget_web_sessions(clock.now())


def _digest(token: str) -> bytes:
    """A token is random: one hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
