"""What every answer over HTTPS carries, whoever wrote it.

RFC 6797 (HSTS, where a public authority signs: under a private one it would lock people out who
have not installed it), Content Security Policy Level 3, Fetch (nosniff), HTML (cross-origin
policies).  A page that needs more of its policy sets its own; nothing is taken away from it.
"""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of an answer that is no page."""

HSTS = "max-age=31536000"
"""A year; for this name alone, since others of the domain are not ours to decide on."""

ALWAYS: Mapping[str, str] = {
    "Content-Security-Policy": NOTHING,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def with_headers(application: ASGIApp, *, public: bool) -> ASGIApp:
    """``public``: a public authority signs our certificates."""
    fields = {**ALWAYS, "Strict-Transport-Security": HSTS} if public else ALWAYS

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in fields.items():
                    headers.setdefault(name, value)
            await send(message)

        await application(scope, receive, sending)

    return wrapped
