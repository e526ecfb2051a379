"""One page: the frame with its navigation, the policy of its scripts, and who is signed in.

Content Security Policy Level 3, Trusted Types.  Nothing from elsewhere; scripts and styles are
files of ours, and no text becomes markup in a script.
"""

import re
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mailclad.services.auth.web_sessions import Browsers
from mailclad.store.web_sessions import WebSession
from mailclad.web.assets import asset
from mailclad.web.look import page_template

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_ALWAYS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
"""Forms say where they were sent from only with that referrer policy."""

_MARKED = re.compile(r"\*\*(.+?)\*\*")


def page(
    request: Request,
    template: str,
    session: WebSession | None = None,
    browsers: Browsers | None = None,
    *,
    status: int = 200,
    framed: bool = False,
    **values: Any,
) -> Response:
    """``browsers`` is given where the page has forms of the session."""
    form_token = browsers.form_token(session) if session and browsers else ""
    text = page_template(template).render(
        values,
        session=session,
        form_token=form_token,
        asset=asset,
        marked=marked,
        path=request.url.path,
    )
    ancestors = "'self'" if framed else "'none'"
    headers = {**_ALWAYS, "Content-Security-Policy": POLICY.format(ancestors=ancestors)}
    return HTMLResponse(text, status, headers)


def marked(text: str) -> Markup:
    """``**words**`` in bold, everything else as it is."""
    return Markup(_MARKED.sub(r"<strong>\1</strong>", str(escape(text))))  # noqa: S704 - escaped
