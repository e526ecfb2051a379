"""One request to an application, without a socket."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Message


def get(
    application: ASGIApp,
    path: str,
    host: str = "",
    *,
    method: str = "GET",
    raw_path: bytes | None = None,
    query: bytes = b"",
    body: bytes = b"",
    headers: Sequence[tuple[str, str]] = (),
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by name, body."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode() if raw_path is None else raw_path,
        "headers": [
            (b"host", host.encode()),
            *((name.encode(), value.encode()) for name, value in headers),
        ],
        "query_string": query,
        "http_version": "1.1",
        "scheme": "https",
        "server": ("192.0.2.1", 443),
        "root_path": "",
    }

    async def ask() -> None:
        await application(scope, receive, send)

    asyncio.run(ask())
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(part.get("body", b"") for part in sent[1:])
