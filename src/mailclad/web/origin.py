"""Whether a form was sent from a page of ours (cross-site request forgery).

Fetch Metadata (Sec-Fetch-Site), RFC 6454 (Origin).  Browsers send at least one of them with each
form; what sends neither is no browser, and has no cookie that it did not get by itself.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request

_OWN = frozenset({"same-origin", "none"})


def check_origin(request: Request) -> None:
    """Raises HTTPException 403."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        own = site in _OWN
    else:
        own = origin is None or origin == f"https://{request.headers.get('host', '')}"
    if not own:
        raise HTTPException(403, "This form was sent from somewhere else. Open the page anew.")
