"""Answers to requests that cannot be served: a page for people, a line for programs.

Comes in: why not, in our own words.  Nothing of what was asked is repeated.
"""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from mailclad.web.assets import asset
from mailclad.web.headers import NOTHING
from mailclad.web.look import page_template

_PAGE = page_template("error.html")

_POLICY = f"{NOTHING}; img-src 'self'; style-src 'self'"

_WORDS: Mapping[int, str] = {
    400: "That request cannot be understood.",
    403: "That is not allowed.",
    404: "There is no such page.",
    405: "That cannot be done with this page.",
    415: "Forms only, please.",
    408: "That took too long to arrive.",
    413: "That is too much to send here.",
    421: "That name is not served here.",
    500: "The server made a mistake. It has been noted; try again in a minute.",
}


READING = frozenset({"GET", "HEAD"})
"""Methods of who only wants to read (RFC 9110 §9.3.1, §9.3.2)."""


def only_to_read() -> Response:
    allowed = {"Allow": ", ".join(sorted(READING))}
    return PlainTextResponse("Only GET and HEAD are served here.\n", 405, allowed)


async def refused(request: Request, problem: Exception) -> Response:
    """For Starlette's table of exceptions."""
    status, words, headers = 500, "", None
    if isinstance(problem, HTTPException):
        status, headers = problem.status_code, problem.headers
        usual = HTTPStatus(status).phrase
        words = problem.detail if problem.detail != usual else ""
    return refusal(request, status, words, headers)


def refusal(
    request: Request, status: int, words: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """``words``: "" for the usual ones."""
    words = words or _WORDS.get(status, HTTPStatus(status).phrase)
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(f"{words}\n", status, headers)
    policy = {"Content-Security-Policy": _POLICY}
    text = _PAGE.render(words=words, asset=asset)
    return HTMLResponse(text, status, {**(headers or {}), **policy})
