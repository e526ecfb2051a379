"""The live watch on a page: lights that turn by themselves, a link that works once.

HTML's server-sent events.  Without script the lights are a small page in a frame that loads itself
again.  A stream ends with its watch, or when the server stops.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from mailclad.base.secret import Secret
from mailclad.services.client_setup import mobileconfig
from mailclad.services.client_setup.lights import WatchView
from mailclad.services.client_setup.setup_file import NotPossible
from mailclad.services.client_setup.watching import WatchEnded
from mailclad.store.errors import AppPasswordNotFound
from mailclad.store.web_sessions import LinkPurpose, WebSession
from mailclad.web.pages.layout import page
from mailclad.web.pages.parts import PageParts
from mailclad.web.pages.signed_in import personal, session_of

LOOK_SECONDS = 0.5
"""How often a stream looks: people see it as at once, and it costs a read of a few rows."""

_ALIVE_LOOKS = 30
"""After so many looks without news a line says that the stream lives."""

_CLOSING = "mailclad.closing"


def watch_routes(parts: PageParts) -> list[BaseRoute]:
    pages = _Watch(parts)
    return [
        Route("/watch/{number:number}", personal(parts.browsers, pages.lights)),
        _get_alone("/watch/{number:number}/events", personal(parts.browsers, pages.events)),
        _get_alone("/profile/{token}", pages.profile),
    ]


def _get_alone(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """Without HEAD: it would use up a link, or hold a stream that nobody reads."""
    route = Route(path, endpoint)
    route.methods = {"GET"}
    return route


class _Watch:
    def __init__(self, parts: PageParts) -> None:
        self._parts = parts

    async def lights(self, request: Request, session: WebSession) -> Response:
        view = await self._look(request, session)
        return page(request, "lights.html", session, framed=True, view=view)

    async def events(self, request: Request, session: WebSession) -> Response:
        await self._look(request, session)
        return StreamingResponse(
            self._stream(request, session),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def profile(self, request: Request) -> Response:
        """The profile of one device, once, with letters made now: nothing of them was kept."""
        taken = await self._parts.browsers.take_link(request.path_params["token"])
        if taken is None or taken.link.purpose is not LinkPurpose.PROFILE:
            raise HTTPException(404, "This link has been used, or its ten minutes are over.")
        try:
            address, device = taken.address, taken.link.app_password
            made = await self._parts.provision.renew_app_password(address, device)
            settings = self._parts.settings_of(address.rpartition("@")[2], address)
            octets = self._parts.profile(settings, Secret(made.letters.encode()))
        except AppPasswordNotFound:
            raise HTTPException(404, "This device has been removed meanwhile.") from None
        except NotPossible as problem:
            raise HTTPException(404, str(problem)) from None
        disposition = {
            "Content-Disposition": 'attachment; filename="mail.mobileconfig"',
            "Cache-Control": "no-store",
        }
        return Response(octets, headers=disposition, media_type=mobileconfig.MEDIA_TYPE)

    async def _look(self, request: Request, session: WebSession) -> WatchView:
        number = request.path_params["number"]
        try:
            return await self._parts.watching.look(session.account.id, number)
        except WatchEnded:
            raise HTTPException(404, "This watch has ended.") from None

    async def _stream(self, request: Request, session: WebSession) -> AsyncIterator[bytes]:
        shown, quiet = b"", 0
        is_closing = _is_closing(request)
        while not is_closing() and await session_of(request, self._parts.browsers):
            try:
                view = await self._look(request, session)
            except HTTPException:
                return
            news = _event(view)
            quiet += 1
            if news != shown:
                yield b"data: %b\n\n" % news
                shown, quiet = news, 0
            elif quiet >= _ALIVE_LOOKS:
                yield b": still here\n\n"
                quiet = 0
            if view.finished:
                return
            await asyncio.sleep(LOOK_SECONDS)


def _event(view: WatchView) -> bytes:
    return msgspec.json.encode(view)


def _is_closing(request: Request) -> Callable[[], bool]:
    extensions: Mapping[str, Mapping[str, Any]] = request.scope.get("extensions", {})
    found: Callable[[], bool] = extensions.get(_CLOSING, {}).get("is_closing", lambda: False)
    return found
