"""Devices with their app passwords, and browsers that are signed in."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mailclad.services.client_setup.browser_names import browser_name
from mailclad.store.errors import AppPasswordNotFound
from mailclad.store.web_sessions import WebSession
from mailclad.web.pages.layout import page
from mailclad.web.pages.parts import PageParts
from mailclad.web.pages.signed_in import personal, personal_form, see_other


def device_routes(parts: PageParts) -> list[BaseRoute]:
    pages = _Devices(parts)
    browsers = parts.browsers
    remove = personal_form(browsers, pages.remove, page="/devices")
    sign_out = personal_form(browsers, pages.sign_out, page="/devices")
    return [
        Route("/devices", personal(browsers, pages.list)),
        Route("/devices/remove", remove, methods=["POST"]),
        Route("/devices/sign-out", sign_out, methods=["POST"]),
    ]


class _Devices:
    def __init__(self, parts: PageParts) -> None:
        self._parts = parts

    async def list(self, request: Request, session: WebSession) -> Response:
        address = session.account.address
        uses = await self._parts.provision.app_password_uses(address)
        now = self._parts.clock.now()
        devices = [
            (one, uses.get(one.id))
            for one in await self._parts.provision.app_passwords(address)
            if not one.is_worthless(now)
        ]
        return page(
            request,
            "devices.html",
            session,
            self._parts.browsers,
            devices=devices,
            sessions=await self._parts.browsers.all_of(session.account.id),
            day=_day,
            browser_name=browser_name,
            asked=_number(request.query_params.get("remove", "")),
        )

    async def remove(
        self, _request: Request, session: WebSession, form: Mapping[str, str]
    ) -> Response:
        # Twice, or in another window: it is gone, as was wanted.
        with contextlib.suppress(AppPasswordNotFound):
            await self._parts.provision.remove_app_password(
                session.account.address, _number(form.get("device", ""))
            )
        return see_other("/devices")

    async def sign_out(
        self, _request: Request, session: WebSession, form: Mapping[str, str]
    ) -> Response:
        number = _number(form.get("browser", ""))
        await self._parts.browsers.end(session.account.id, number)
        return see_other("/devices")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
