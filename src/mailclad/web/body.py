"""A request's body, of which no more is taken than is wanted."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_OCTETS = 64 * 1024
"""Of forms and of programs' questions: they have a few hundred."""


async def read_body(request: Request, most: int = MOST_OCTETS) -> bytes:
    """Raises HTTPException 413 as soon as there is more."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(413, "That is too much to send here.")
    return bytes(body)
