"""Signing in and out, and typing the password again before something that matters."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mailclad.base.secret import Secret
from mailclad.services.auth.authenticator import (
    AuthenticationFailed,
    AuthenticationUnavailable,
)
from mailclad.store.web_sessions import WebSession
from mailclad.web.forms import read_form
from mailclad.web.origin import check_origin
from mailclad.web.pages.layout import page
from mailclad.web.pages.parts import PageParts
from mailclad.web.pages.signed_in import (
    START,
    drop_token,
    keep_token,
    own_path,
    personal,
    personal_form,
    see_other,
    session_of,
    visit_of,
)


def sign_in_routes(parts: PageParts) -> list[BaseRoute]:
    pages = _SignIn(parts)
    browsers = parts.browsers
    sign_out = personal_form(browsers, pages.sign_out, page=START)
    return [
        Route("/sign-in", pages.form),
        Route("/sign-in", pages.sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/confirm", personal(browsers, pages.confirm_form)),
        Route("/confirm", personal_form(browsers, pages.confirm), methods=["POST"]),
    ]


class _SignIn:
    def __init__(self, parts: PageParts) -> None:
        self._parts, self._browsers = parts, parts.browsers

    async def form(self, request: Request) -> Response:
        following = own_path(request.query_params.get("next", ""))
        if await session_of(request, self._browsers) is not None:
            return see_other(following)
        return page(request, "sign_in.html", following=following, login="", problem="")

    async def sign_in(self, request: Request) -> Response:
        check_origin(request)
        form = await read_form(request)
        following = own_path(form.get("next", ""))
        login, password = form.get("login", "").strip(), Secret(form.get("password", "").encode())
        try:
            token = await self._browsers.sign_in(login, password, visit_of(request))
        except (AuthenticationFailed, AuthenticationUnavailable) as problem:
            status = 403 if isinstance(problem, AuthenticationFailed) else 503
            return page(
                request,
                "sign_in.html",
                status=status,
                following=following,
                login=login,
                problem=str(problem),
            )
        return keep_token(see_other(following), token)

    async def sign_out(
        self, _request: Request, session: WebSession, _form: Mapping[str, str]
    ) -> Response:
        await self._browsers.end(session.account.id, session.id)
        return drop_token(see_other("/sign-in"))

    async def confirm_form(self, request: Request, session: WebSession) -> Response:
        following = own_path(request.query_params.get("next", ""))
        return page(
            request, "confirm.html", session, self._browsers, following=following, problem=""
        )

    async def confirm(
        self, request: Request, session: WebSession, form: Mapping[str, str]
    ) -> Response:
        following = own_path(form.get("next", ""))
        password = Secret(form.get("password", "").encode())
        try:
            token = await self._browsers.confirm(session, password, visit_of(request))
        except (AuthenticationFailed, AuthenticationUnavailable) as problem:
            return page(
                request,
                "confirm.html",
                session,
                self._browsers,
                status=403,
                following=following,
                problem=str(problem),
            )
        return keep_token(see_other(following), token)
