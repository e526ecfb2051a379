"""A request's body, of which no more is taken than is wanted, and for no longer."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_OCTETS = 64 * 1024
"""Of forms and of programs' questions: they have a few hundred."""


BODY_SECONDS = 30.0
"""64 KiB in this time are 17 kbit/s: slower than the slowest telephone."""


async def read_body(request: Request, most: int = MOST_OCTETS) -> bytes:
    """Raises HTTPException 413 as soon as there is more, 408 when it takes too long."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise HTTPException(413, "That is too much to send here.")
    except TimeoutError:
        raise HTTPException(408, headers={"Connection": "close"}) from None
    return bytes(body)
