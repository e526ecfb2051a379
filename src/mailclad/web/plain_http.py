"""Port 80: answers to an ACME authority's challenges, and the way to HTTPS for everybody else.

RFC 8555 §8.3 (http-01), RFC 9110 §15.4.2, §15.5.20.  Comes in: requests of strangers, with a Host
that anybody may invent.  Goes out: the key authorization of a token that is kept, under any host,
for an authority may ask by address; a redirection to the same place by HTTPS, for hosts of ours
only, so that nobody is sent elsewhere; 421 for other hosts.  Nothing else is served in the clear.
"""

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mailclad.web.errors import READING, only_to_read
from mailclad.web.host import host_of

CHALLENGE_PATH = "/.well-known/acme-challenge/"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""RFC 8555 §8.3; those of authorities have 43 characters."""

_TARGET = re.compile(rb"/[!-~]*")
_HTTPS_PORT = 443

Answer = Callable[[str], str | None]
"""The key authorization that is kept for a token."""


def plain_application(
    answer: Answer, is_ours: Callable[[str], Awaitable[bool]], https_port: int | None
) -> ASGIApp:
    """``https_port`` is where the pages are; None where there are none."""

    async def respond(request: Request) -> Response:
        if request.method not in READING:
            return only_to_read()
        if request.scope["path"].startswith(CHALLENGE_PATH):
            return _challenge(answer, request.scope["path"].removeprefix(CHALLENGE_PATH))
        host = host_of(request.scope)
        if not await is_ours(host):
            return PlainTextResponse("This host is not served here.\n", 421)
        target = _target(request.scope)
        if https_port is None or target is None:
            return PlainTextResponse("There is no such page.\n", 404)
        port = "" if https_port == _HTTPS_PORT else f":{https_port}"
        return RedirectResponse(f"https://{host}{port}{target}", 301)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        response = await respond(Request(scope))
        await response(scope, receive, send)

    return application


def _challenge(answer: Answer, token: str) -> Response:
    found = answer(token) if _TOKEN.fullmatch(token) else None
    if found is None:
        return PlainTextResponse("There is no such challenge.\n", 404)
    return PlainTextResponse(found, headers={"Cache-Control": "no-store"})


def _target(scope: Scope) -> str | None:
    """Path and query as they were sent, which cannot end the host or the header field."""
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    return target.decode("ascii") if _TARGET.fullmatch(target) else None
