"""Our own styles and scripts, as files that browsers may keep for ever."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_FOLDER = Path(__file__).parent / "static"
_TYPES: Mapping[str, str] = {
    "app.css": "text/css",
    "icon.svg": "image/svg+xml",
    "setup.js": "text/javascript",
}
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


@cache
def asset(name: str) -> str:
    """Its address, which changes with its octets."""
    return f"/assets/{name}?{hashlib.sha256(_octets(name)).hexdigest()[:12]}"


@cache
def _octets(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def asset_routes() -> list[BaseRoute]:
    for name in _TYPES:  # here and now: a worker that has given up root may not be able to
        _octets(name)

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _TYPES:
            return Response("There is no such file.\n", 404, media_type="text/plain")
        return Response(_octets(name), headers=_KEPT, media_type=_TYPES[name])

    return [Route("/assets/{name}", serve)]
