"""Which host serves what: everything over HTTPS goes through here.

RFC 9110 §7.2, §15.5.20 (421), RFC 9112 §3.2 (400).

| host | serves |
|---|---|
| ``mta-sts.DOMAIN`` | the domain's MTA-STS policy (:mod:`mta_sts`) |
| ``autoconfig.``, ``autodiscover.``, ``ua-auto-config.DOMAIN`` | settings (:mod:`programs`) |
| the server's own names, ``DOMAIN``, ``mail.``, ``webmail.DOMAIN`` | those too, and the pages |
| any other | 421; no host or several: 400 |

Whoever types a name of the second row is led to the pages.

Comes in: requests with a Host that anybody may invent.  A bug's answer is one
without details; the log has them.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailclad.mail.domain_hosts import SETTINGS_LABELS
from mailclad.mail.mta_sts import StsPolicy
from mailclad.web.assets import asset_routes
from mailclad.web.errors import refusal, refused
from mailclad.web.headers import with_headers
from mailclad.web.host import host_of
from mailclad.web.mta_sts import with_policies
from mailclad.web.programs import ProgramParts, program_routes

_ANY_CASE = "/autodiscover/"

_log = structlog.get_logger()


def site(
    programs: ProgramParts,
    pages: Sequence[BaseRoute],
    is_ours: Callable[[str], Awaitable[bool]],
    policy_of: Callable[[str], StsPolicy],
    *,
    host_name: str,
    public: bool,
) -> ASGIApp:
    """``pages`` are for people; ``public``: a public authority signs our certificates."""
    handlers = {HTTPException: refused, 500: refused}
    routes = program_routes(programs)
    to_pages = Route("/", RedirectResponse(programs.help_page, 302))
    for_programs = Starlette(
        routes=[*routes, *asset_routes(), to_pages], exception_handlers=handlers
    )
    for_people = Starlette(routes=[*routes, *pages], exception_handlers=handlers)

    async def by_host(scope: Scope, receive: Receive, send: Send) -> None:
        host = host_of(scope)
        if not host:  # RFC 9112 §3.2
            await refusal(Request(scope), 400)(scope, receive, send)
            return
        if not await is_ours(host):
            words = f"That name is not served here. The server’s own is {host_name}."
            await refusal(Request(scope), 421, words)(scope, receive, send)
            return
        label, _, domain = host.partition(".")
        is_for_programs = label in SETTINGS_LABELS and domain in await programs.domains()
        await (for_programs if is_for_programs else for_people)(scope, receive, send)

    return with_headers(
        _careful(with_policies(_in_lower_case(by_host), programs.domains, policy_of)),
        public=public,
    )


def _in_lower_case(application: ASGIApp) -> ASGIApp:
    """Autodiscover's paths, which programs write as they like."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").lower()
        if path.startswith(_ANY_CASE):
            scope = {**scope, "path": path}
        await application(scope, receive, send)

    return wrapped


def _careful(application: ASGIApp) -> ASGIApp:
    """A bug ends its request only, and says nothing of itself to a stranger."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def sending(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await application(scope, receive, sending)
        except Exception:
            _log.exception("request failed", path=scope.get("path"))
            if not began:
                await refusal(Request(scope), 500)(scope, receive, send)

    return wrapped
