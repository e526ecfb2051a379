"""The start page: what to type into a mail program, and the CA's certificate to download.

Request → response functions; no sockets, no store, nothing secret.
Everything shown is the same for everybody, so the page needs no sign-in and sets no cookie.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from mailclad.web.look import page_template, style

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""No script, no frame, nothing from elsewhere."""

CA_TYPE = "application/x-x509-ca-cert"
"""What browsers and telephones offer to install."""

# Read here and now: a worker that has given up root may not be able to.
_PAGE = page_template("start.html")
_STYLE = style("start.css").encode()


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table: what it is for, the port, and the programs' word for its TLS."""

    purpose: str
    port: int
    security: str


@dataclass(frozen=True, slots=True)
class StartFacts:
    """What the page says; ``ca_pem`` is None where a public authority signs."""

    hostname: str
    settings: Sequence[Setting]
    ca_pem: bytes | None


def start_routes(facts: StartFacts) -> list[BaseRoute]:
    """The pages ``/``, ``/start.css`` and, with a private CA, ``/ca.pem``."""

    async def page(_request: Request) -> Response:
        return HTMLResponse(_PAGE.render(facts=facts), headers=HEADERS)

    async def stylesheet(_request: Request) -> Response:
        return Response(_STYLE, media_type="text/css", headers=HEADERS)

    async def ca(_request: Request) -> Response:
        disposition = {"Content-Disposition": 'attachment; filename="mailclad-ca.pem"'}
        return Response(facts.ca_pem, media_type=CA_TYPE, headers={**HEADERS, **disposition})

    routes: list[BaseRoute] = [Route("/", page), Route("/start.css", stylesheet)]
    if facts.ca_pem is not None:
        routes.append(Route("/ca.pem", ca))
    return routes
