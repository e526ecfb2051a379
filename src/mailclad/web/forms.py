"""Forms as browsers send them: application/x-www-form-urlencoded, bounded.

Comes in: a body of anybody's.  Goes out: the first value of each field.
Limits: octets (:mod:`body`), fields.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from mailclad.web.body import read_body

MOST_FIELDS = 32
"""Our forms have under ten."""

_MEDIA_TYPE = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """Raises HTTPException 400, 413 and 415."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != _MEDIA_TYPE:
        raise HTTPException(415, "Forms only, please.")
    body = await read_body(request)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise HTTPException(400, "That form cannot be read.") from None
    return dict(reversed(pairs))
