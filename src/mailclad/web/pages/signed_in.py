"""Who is signed in: the cookie, and what a page of a person asks first.

RFC 6265bis (``__Host-`` cookies).  Comes in: a cookie that anybody may invent.  Goes out: the
session, or the way to the sign-in page.
"""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mailclad.services.auth.web_sessions import Browsers, Visit
from mailclad.store.web_sessions import LONGEST_SECONDS, WebSession
from mailclad.web.forms import read_form
from mailclad.web.origin import check_origin

COOKIE = "__Host-mailclad"
START = "/setup"
"""Where one is after signing in, unless another page was wanted."""

_TLS_VERSION = "mailclad.tls_version"

Personal = Callable[[Request, WebSession], Awaitable[Response]]
PersonalForm = Callable[[Request, WebSession, Mapping[str, str]], Awaitable[Response]]


def keep_token(response: Response, token: str) -> Response:
    response.set_cookie(
        COOKIE, token, LONGEST_SECONDS, path="/", secure=True, httponly=True, samesite="lax"
    )
    return response


def drop_token(response: Response) -> Response:
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


def visit_of(request: Request) -> Visit:
    client = request.client
    extensions: Mapping[str, Mapping[str, str]] = request.scope.get("extensions", {})
    return Visit(
        client.host if client is not None else "",
        extensions.get(_TLS_VERSION, {}).get("version", ""),
        request.headers.get("user-agent", ""),
    )


async def session_of(request: Request, browsers: Browsers) -> WebSession | None:
    token = request.cookies.get(COOKIE)
    return await browsers.session(token) if token else None


def own_path(text: str) -> str:
    """A path on this server and nothing else: what else was asked for is the start page."""
    is_path = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_path and text.isprintable() and text.isascii() else START


def see_other(path: str) -> Response:
    return RedirectResponse(path, 303)


def to_sign_in(request: Request, page: str = "") -> Response:
    return see_other(f"/sign-in?next={quote(page or request.url.path)}")


def personal(browsers: Browsers, answer: Personal) -> Callable[[Request], Awaitable[Response]]:
    """A page for whoever is signed in."""

    async def endpoint(request: Request) -> Response:
        session = await session_of(request, browsers)
        if session is None:
            return to_sign_in(request)
        return await answer(request, session)

    return endpoint


def personal_form(
    browsers: Browsers, answer: PersonalForm, *, fresh: bool = False, page: str = ""
) -> Callable[[Request], Awaitable[Response]]:
    """A form of whoever is signed in, sent from a page of ours.

    ``fresh``: the password must have been typed lately; ``page``: where the form is, if not at the
    path that it is sent to.
    """

    async def endpoint(request: Request) -> Response:
        check_origin(request)
        session = await session_of(request, browsers)
        if session is None:
            return to_sign_in(request, page)
        form = await read_form(request)
        if not browsers.is_form_of(session, form.get("form_token", "")):
            raise HTTPException(403, "This form is too old. Open the page anew.")
        if fresh and not browsers.is_fresh(session):
            return see_other(f"/confirm?next={quote(request.url.path)}")
        return await answer(request, session, form)

    return endpoint
